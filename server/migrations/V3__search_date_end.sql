-- Ranges that are open above ("from today") are found by the end of what is stored.
CREATE INDEX search_date_by_end ON search_date (tenant, resource_type, param, hi, id) INCLUDE (lo);
COMMENT ON INDEX search_date_by_end IS 'Finds what ends after a moment without reading all that ended before.';
