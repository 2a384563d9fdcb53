import sqlite3

connection = sqlite3.connect(":memory:")
connection.execute("CREATE TABLE items (name TEXT, price REAL)")
connection.executemany("INSERT INTO items VALUES (?, ?)", [("pen", 1.5), ("book", 12), ("cup", 7.25)])
for name, price in connection.execute("SELECT name, price FROM items WHERE price > 2 ORDER BY price"):
    print(name, price)
print(connection.execute("SELECT count(*), sum(price) FROM items").fetchone())
try:
    connection.execute("SELECT * FROM nothing")
except sqlite3.OperationalError as error:
    print(error)
connection.close()
