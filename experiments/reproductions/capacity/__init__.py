"""What search is worth to planners of several sizes, each trained for several lengths.

Brown's figure: returns over the size of the model, a line for each amount of search (Brown 2020
said of poker that search was worth a model 100,000 times as large).
"""
