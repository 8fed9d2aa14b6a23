ALTER TABLE orders RENAME COLUMN address TO delivery;
