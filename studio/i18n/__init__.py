"""Every word that a person reads, in each language."""

from studio.i18n.catalog import DEFAULT_LOCALE, LOCALES, Catalog, catalog, negotiate

__all__ = ["DEFAULT_LOCALE", "LOCALES", "Catalog", "catalog", "negotiate"]
