"""Which discount is given for how many of one article."""


def discount_percent(quantity):
    if quantity >= 10:
        return 20
    if quantity >= 3:
        return 10
    return 0
