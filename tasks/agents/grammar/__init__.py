"""A typed space of sequence-mixing designs that compose into readable one-file candidates.

``space`` says what a design is, ``evolve`` how designs change, ``compose`` how one becomes source text, ``reading`` the
way back, ``naming`` what it is called and ``near`` how it is repaired. Nothing here imports torch: the grammar writes
text and never runs it.
"""
