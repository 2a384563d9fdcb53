class InsufficientFunds(Exception):
    pass


class Account:
    def __init__(self, owner, balance=0):
        self.owner = owner
        self.balance = balance

    def withdraw(self, amount):
        if amount > self.balance:
            raise InsufficientFunds(f"{self.owner} has {self.balance}, wants {amount}")
        self.balance -= amount
        return self

    def __repr__(self):
        return f"Account({self.owner!r}, {self.balance})"


account = Account("Ada", 100)
print(account.withdraw(30))
try:
    account.withdraw(100)
except InsufficientFunds as problem:
    print("refused:", problem)
