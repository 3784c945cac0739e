-- What lists are sorted by, and had no index.
CREATE INDEX products_price ON products (unit_price DESC, product_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX products_updated ON products (updated_time DESC, product_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX quotes_total ON quotes (total_amount DESC, quote_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX quotes_updated ON quotes (updated_time DESC, quote_id DESC) WHERE deleted_time IS NULL;
