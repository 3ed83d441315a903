"""What can be wrong with a description or with the file it describes."""


class DescriptionError(Exception):
    """One line, in the words of the person who wrote the description, that says what to change."""
