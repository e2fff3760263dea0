-- Before its tables have statistics the planner took this index for reads by id: it held the id
-- after a column that such a read does not name, and every record of the type was looked at.
-- The id stays in the index, where no condition can use it.
DROP INDEX resource_by_time;
CREATE INDEX resource_by_time ON resource (tenant, resource_type, last_updated) INCLUDE (id);
COMMENT ON INDEX resource_by_time IS 'Records of a type in the order of their last change.';
