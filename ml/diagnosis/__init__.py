"""From intensity curves to a probability of PD: expressivity and rigidity, and an LSTM."""
