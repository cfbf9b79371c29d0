"""What the studio changes in Gradio: these three, each for a figure. Nothing else of Gradio is replaced or rewritten.

===================  ===================================================================  ================================
module               what Gradio does                                                     what leaving it costs
===================  ===================================================================  ================================
:mod:`.stub_files`   parses each component at import and writes a stub file beside it     half of the import, at every start
:mod:`.event_queue`  looks for clicks and progress bars a hundred times a second          1.5 % of a core for ever, now 0.3
:mod:`.page_clocks`  counts seconds sixty times a second, also where nobody sees them     cores that a training run needs
===================  ===================================================================  ================================
"""
