-- SQLite's way to change a column (ALTER TABLE, section 7): another table takes its place, within one transaction.
-- Fails, and changes nothing, while an order has no note.
CREATE TABLE new_orders (
    number    TEXT PRIMARY KEY,
    locale    TEXT NOT NULL,
    shopper   TEXT NOT NULL,
    -- One form places one order.
    form_key  TEXT NOT NULL UNIQUE,
    -- Milliseconds of the Unix epoch.
    placed_at INTEGER NOT NULL,
    currency  TEXT NOT NULL,
    -- Minor units.
    total     INTEGER NOT NULL,
    -- JSON.
    address   TEXT NOT NULL,
    lines     TEXT NOT NULL,
    note      TEXT NOT NULL
) STRICT;

INSERT INTO new_orders (number, locale, shopper, form_key, placed_at, currency, total, address, lines, note)
SELECT number, locale, shopper, form_key, placed_at, currency, total, address, lines, note FROM orders;

DROP TABLE orders;

ALTER TABLE new_orders RENAME TO orders;

CREATE INDEX orders_of_shopper ON orders (shopper, placed_at);
