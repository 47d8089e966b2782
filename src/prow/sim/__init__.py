"""Floor 6: GitHub in a box. A model of GitHub as state with rules, over real bare git repositories, reached over real HTTP.

It knows nothing of the product but `lib`: a field misspelt in the product must not be misspelt here, too.
"""
