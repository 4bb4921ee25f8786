import unittest

from slug import slug


class Slug(unittest.TestCase):
    def test_titles(self):
        self.assertEqual(slug("Crème brûlée, twice!"), "creme-brulee-twice")
        self.assertEqual(slug("  "), "")
