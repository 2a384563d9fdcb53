import sys
import unittest


class Sums(unittest.TestCase):
    def test_adds(self):
        self.assertEqual(1 + 1, 2)

    def test_fails(self):
        with self.assertRaises(TypeError):
            "a" + 1


suite = unittest.defaultTestLoader.loadTestsFromTestCase(Sums)
result = unittest.TextTestRunner(stream=sys.stdout, verbosity=0).run(suite) if False else suite.run(unittest.TestResult())
print(result.testsRun, result.wasSuccessful())
