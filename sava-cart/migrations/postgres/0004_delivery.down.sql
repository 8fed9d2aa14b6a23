ALTER TABLE orders RENAME COLUMN delivery TO address;
