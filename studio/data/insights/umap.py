"""A map of vectors: alike ones close together on a plane. NumPy only, seconds for some thousand points.

After UMAP (McInnes, Healy, Melville 2018): a graph of nearest neighbours with fuzzy weights, laid out by attraction along
its edges and repulsion from random others. Our own, smaller version: exact neighbours, the main directions as the start,
and steps that move all points at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

NEIGHBOURS: Final = 12
_BLOCK: Final = 1_024
_ROUNDS: Final = 250
_REPULSIONS: Final = 4  # random others a point and round
_A, _B = 1.577, 0.8951  # of the curve 1 / (1 + a d^2b), for points that may come as near as 0.1 (UMAP's default)
_NEAR: Final = 1e-3
_FARTHEST: Final = 4.0  # a force moves a point by at most this, before the rate


@dataclass(frozen=True)
class Neighbours:
    """The nearest others of each vector, the nearest first.

    Args:
        indices: shape ``(vectors, k)``.
        distances: one minus the cosine, shape ``(vectors, k)``.
    """

    indices: Ints
    distances: Floats


def neighbours(vectors: Floats, k: int = NEIGHBOURS) -> Neighbours:
    """The ``k`` nearest others of each vector, exactly; fewer where there are fewer.

    Args:
        vectors: of length 1, shape ``(vectors, dimensions)``.
    """
    count = len(vectors)
    k = max(1, min(k, count - 1))
    indices = np.empty((count, k), np.int64)
    distances = np.empty((count, k), np.float32)
    for first in range(0, count, _BLOCK):
        rows = np.arange(first, min(first + _BLOCK, count))
        likeness = vectors[rows] @ vectors.T
        likeness[np.arange(len(rows)), rows] = -np.inf
        nearest = np.argpartition(-likeness, k - 1, axis=1)[:, :k]
        found = np.take_along_axis(likeness, nearest, axis=1)
        order = np.argsort(-found, axis=1, kind="stable")
        indices[rows] = np.take_along_axis(nearest, order, axis=1)
        distances[rows] = 1 - np.take_along_axis(found, order, axis=1)
    return Neighbours(indices, np.maximum(distances, 0))


def flat(vectors: Floats, near: Neighbours, seed: int = 0) -> Floats:
    """Places on a plane, about the origin, the farthest at a distance of about 1; the same for the same vectors.

    Args:
        vectors: of length 1, shape ``(vectors, dimensions)``.
        near: their nearest others.
        seed: of the random choices.

    Returns:
        Shape ``(vectors, 2)``.
    """
    random = np.random.default_rng(seed)
    places = _main_directions(vectors) + random.normal(0, 0.01, (len(vectors), 2))
    heads, tails, weights = _edges(near)
    share = weights / weights.max(initial=1e-12)
    for step in range(_ROUNDS):
        rate = 1.0 - step / _ROUNDS
        chosen = random.random(len(share)) < share
        moved = _pulled(places, heads[chosen], tails[chosen])
        others = random.integers(0, len(places), (_REPULSIONS, len(places)))
        for other in others:
            moved += _pushed(places, other)
        places += rate * np.clip(moved, -_FARTHEST, _FARTHEST)
    places -= places.mean(axis=0)
    return np.asarray(places / max(1e-9, np.quantile(np.abs(places), 0.99)), np.float32)


def _main_directions(vectors: Floats) -> NDArray[np.float64]:
    """The two directions in which the vectors differ most (principal components), about 10 wide."""
    centred = vectors - vectors.mean(axis=0)
    _, directions = np.linalg.eigh(centred.T @ centred)
    plane = centred @ directions[:, ::-1][:, :2]
    if plane.shape[1] < 2:
        plane = np.pad(plane, ((0, 0), (0, 2 - plane.shape[1])))
    # The sign of a direction is arbitrary: fixed, so that an edit does not turn the map around.
    signs = np.sign(plane[np.abs(plane).argmax(axis=0), [0, 1]])
    return np.asarray(10 * plane * np.where(signs == 0, 1, signs) / max(1e-9, np.abs(plane).max()), np.float64)


def _edges(near: Neighbours) -> tuple[Ints, Ints, NDArray[np.float64]]:
    """The edges of the graph in both directions: heads, tails, weights of 0 to 1."""
    count, k = near.indices.shape
    weights = _memberships(near.distances)
    heads = np.repeat(np.arange(count), k)
    tails = near.indices.ravel()
    codes = np.concatenate([heads * count + tails, tails * count + heads])
    # A fuzzy union: near in one direction or in the other.
    unique, place = np.unique(codes, return_inverse=True)
    apart = np.ones(len(unique))
    np.multiply.at(apart, place, 1 - np.tile(weights.ravel(), 2))
    return unique // count, unique % count, 1 - apart


def _memberships(distances: Floats) -> NDArray[np.float64]:
    """Weights of the nearest others: 1 for the nearest, so that each row sums to log2(k) (smooth k-nn distance)."""
    beyond = np.maximum(0, distances - distances[:, :1]).astype(np.float64)
    target = np.log2(max(2, distances.shape[1]))
    low, high = np.full(len(beyond), 1e-6), np.full(len(beyond), 4.0)
    for _ in range(40):
        middle = (low + high) / 2
        too_wide = np.exp(-beyond / middle[:, None]).sum(axis=1) > target
        high, low = np.where(too_wide, middle, high), np.where(too_wide, low, middle)
    return np.asarray(np.exp(-beyond / ((low + high) / 2)[:, None]))


def _pulled(places: NDArray[np.float64], heads: Ints, tails: Ints) -> NDArray[np.float64]:
    """What attraction along the edges moves; each edge is there in both directions, so only heads move."""
    apart = places[heads] - places[tails]
    square = np.maximum((apart**2).sum(axis=1), _NEAR**2)
    force = -2 * _A * _B * square ** (_B - 1) / (1 + _A * square**_B)
    steps = np.clip(force[:, None] * apart, -_FARTHEST, _FARTHEST)
    return np.stack([np.bincount(heads, steps[:, axis], len(places)) for axis in (0, 1)], axis=1) / 2


def _pushed(places: NDArray[np.float64], others: Ints) -> NDArray[np.float64]:
    """What repulsion from one random other each moves."""
    apart = places - places[others]
    square = (apart**2).sum(axis=1)
    force = np.where(others == np.arange(len(places)), 0, 2 * _B / ((_NEAR + square) * (1 + _A * square**_B)))
    return np.asarray(np.clip(force[:, None] * apart, -_FARTHEST, _FARTHEST))
