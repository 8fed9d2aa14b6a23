-- Nullable, so that a release that does not know it goes on placing orders.
ALTER TABLE orders ADD COLUMN note TEXT;
