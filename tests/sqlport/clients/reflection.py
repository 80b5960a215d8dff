"""SQLAlchemy: everything that it finds out about the schema."""

from sqlalchemy import MetaData, create_engine, inspect, select, text

engine = create_engine("postgresql+psycopg://")
inspector = inspect(engine)
print(inspector.get_schema_names())
for table in sorted(inspector.get_table_names("quire")):
    print(table)
    print(" ", inspector.get_table_comment(table, "quire"))
    for column in inspector.get_columns(table, "quire"):
        print("  ", {key: str(value) for key, value in column.items()})
    print("  ", inspector.get_pk_constraint(table, "quire"))
    print("  ", sorted(map(str, inspector.get_foreign_keys(table, "quire"))))
    print("  ", sorted(map(str, inspector.get_indexes(table, "quire"))))
    print("  ", sorted(map(str, inspector.get_check_constraints(table, "quire"))))
print(sorted(inspector.get_view_names("quire")))
metadata = MetaData()
metadata.reflect(engine, schema="quire")
with engine.connect() as db:
    account = metadata.tables["quire.account"]
    print(db.execute(select(account.c.name).order_by(account.c.name)).all())
    print(db.execute(text("select :a + :b"), {"a": 1, "b": 2}).scalar())
