CREATE TABLE orders (
    number    TEXT PRIMARY KEY,
    locale    TEXT NOT NULL,
    shopper   TEXT NOT NULL,
    -- One form places one order.
    form_key  TEXT NOT NULL UNIQUE,
    -- Milliseconds of the Unix epoch.
    placed_at BIGINT NOT NULL,
    currency  TEXT NOT NULL,
    -- Minor units.
    total     BIGINT NOT NULL,
    -- JSON.
    address   TEXT NOT NULL,
    lines     TEXT NOT NULL
);

CREATE INDEX orders_of_shopper ON orders (shopper, placed_at);
