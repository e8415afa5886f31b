import unittest

from basket import Basket


class BasketTest(unittest.TestCase):
    def test_one_article_costs_its_price(self):
        basket = Basket()
        basket.add("mug", 800)
        self.assertEqual(basket.total(), 800)

    def test_three_at_once_get_the_discount(self):
        basket = Basket()
        basket.add("mug", 800, quantity=3)
        self.assertEqual(basket.total(), 2160)

    def test_three_one_after_the_other_get_the_same_discount(self):
        basket = Basket()
        for _ in range(3):
            basket.add("mug", 800)
        self.assertEqual(basket.total(), 2160)


if __name__ == "__main__":
    unittest.main()
