from django.db import migrations

# Parted by data set, which Django cannot say; the columns are the model's. Each partition has its
# own unique indexes on the key and on the external id, and is made by the first file that names
# items (catalog/ingest/numbering.py).
TRIGGERS = """
CREATE TRIGGER new_items_are_counted AFTER INSERT ON catalog_item
    REFERENCING NEW TABLE AS came
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_count_items_that_came();
CREATE TRIGGER changed_items_are_counted AFTER UPDATE ON catalog_item
    REFERENCING NEW TABLE AS came OLD TABLE AS went
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_count_items_that_changed();
CREATE TRIGGER removed_items_are_no_longer_counted AFTER DELETE ON catalog_item
    REFERENCING OLD TABLE AS went
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_count_items_that_went();
"""
PART = f"""
LOCK TABLE catalog_item IN ACCESS EXCLUSIVE MODE;
ALTER TABLE catalog_item RENAME TO catalog_item_together;
CREATE TABLE catalog_item (LIKE catalog_item_together) PARTITION BY LIST (dataset_id);
DO $$
DECLARE
    parted bigint;
    part text;
BEGIN
    FOR parted IN SELECT DISTINCT dataset_id FROM catalog_item_together LOOP
        part := format('catalog_item_d%s', parted);
        EXECUTE format('CREATE TABLE %I (LIKE catalog_item_together)', part);
        EXECUTE format(
            'INSERT INTO %I SELECT * FROM catalog_item_together WHERE dataset_id = %s ORDER BY id',
            part, parted);
        EXECUTE format('CREATE UNIQUE INDEX %I ON %I (id)', part || '_one_item_per_number', part);
        EXECUTE format(
            'CREATE UNIQUE INDEX %I ON %I (external_id)',
            part || '_one_item_per_external_id', part);
        EXECUTE format(
            'ALTER TABLE catalog_item ATTACH PARTITION %I FOR VALUES IN (%s)', part, parted);
    END LOOP;
END $$;
DROP TABLE catalog_item_together;
{TRIGGERS}
"""
JOIN = f"""
LOCK TABLE catalog_item IN ACCESS EXCLUSIVE MODE;
CREATE TABLE catalog_item_together (LIKE catalog_item);
INSERT INTO catalog_item_together SELECT * FROM catalog_item ORDER BY id;
DROP TABLE catalog_item;
ALTER TABLE catalog_item_together RENAME TO catalog_item;
ALTER TABLE catalog_item ADD CONSTRAINT catalog_item_pkey PRIMARY KEY (id);
ALTER TABLE catalog_item ADD CONSTRAINT one_item_per_external_id UNIQUE (dataset_id, external_id);
{TRIGGERS}
"""


class Migration(migrations.Migration):

    dependencies = [
        ('catalog', '0014_earlier_rows_are_kept_unchecked'),
    ]

    operations = [migrations.RunSQL(PART, JOIN)]
