"""What can go wrong, said in the words of the people who use it."""

# How many won and how many lost leads it takes to learn something.
MINIMUM_CLOSED = 40


class ScoringError(Exception):
    """Base of all errors of this package. `str(error)` is a sentence that may be shown to a user."""


class ScorecardError(ScoringError):
    """A scorecard cannot be read or is not one."""


class NotEnoughLeads(ScoringError):
    """Too few closed leads to learn from.

    `won` and `lost` are the leads there are, `needed` how many of each it takes.
    """

    def __init__(self, won, lost, needed=MINIMUM_CLOSED):
        super().__init__(
            f"A predictive model needs at least {needed} won and {needed} lost leads; "
            f"there are {won} won and {lost} lost."
        )
        self.won = won
        self.lost = lost
        self.needed = needed

    def __reduce__(self):
        return type(self), (self.won, self.lost, self.needed)


class TrainingError(ScoringError):
    """Training did not come to an end. `detail` is for the log, not for the user's screen."""

    def __init__(self, message, detail=""):
        super().__init__(message)
        self.detail = detail

    def __reduce__(self):
        return type(self), (str(self), self.detail)
