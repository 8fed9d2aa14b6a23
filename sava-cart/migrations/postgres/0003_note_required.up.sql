-- Fails, and changes nothing, while an order has none.
ALTER TABLE orders ALTER COLUMN note SET NOT NULL;
