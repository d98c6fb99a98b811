"""The learned choice: guess a text's domain, look up who is good at it, subtract the cost.

`predict` guesses, `table` knows the models, `choose` decides. All of it is plain Python,
made before the call and without another model.
"""
