"""A bundle, or a whole training, judged on people it did not see."""
