"""A basket of a small shop. Prices are in cents."""

from discounts import discount_percent


class Basket:
    def __init__(self):
        self.lines = []

    def add(self, name, price, quantity=1):
        if quantity < 1:
            raise ValueError("quantity must be at least 1")
        self.lines.append((name, price, quantity))

    def total(self):
        total = 0
        for _name, price, quantity in self.lines:
            percent = discount_percent(quantity)
            total += price * quantity * (100 - percent) // 100
        return total
