"""psycopg 3: text and binary, pipeline, server cursors, COPY, errors, notices, notifications."""

import logging

import psycopg

from psycopg.types.json import Jsonb

# Whether it warns of a pipeline that had failed before it ended depends on how soon the failure came.
logging.getLogger("psycopg").setLevel(logging.ERROR)

notices = []
with psycopg.connect(autocommit=True) as db:
    db.add_notice_handler(lambda n: notices.append((n.severity, n.message_primary)))
    print(db.info.server_version, db.info.parameter_status("TimeZone"), db.info.transaction_status)
    db.execute("create temp table t (a int primary key, b text, c jsonb, d bytea, e timestamptz, f numeric, g uuid, h int[])")
    for binary in (False, True):
        cur = db.cursor(binary=binary)
        cur.execute("truncate t")
        for a in range(20):
            cur.execute(
                "insert into t values (%s, %s, %s, %s, '2026-01-02 03:04:05.678901+02', 1.5, %s, %s)",
                (a, "x" * a + "ä", Jsonb({"a": a}), bytes(range(a)), "00000000-0000-0000-0000-00000000000a", [1, None, a]),
            )
        cur.execute("select * from t where a < %s order by a", (7,))
        print(cur.description[0].name, cur.statusmessage, cur.fetchall())
        cur.executemany("update t set b = %s where a = %s returning a", [("y", a) for a in range(5)], returning=True)
        while True:
            print(cur.fetchall())
            if not cur.nextset():
                break
        with cur.copy("copy t (a, b) from stdin") as copy:
            for a in range(100, 2000):
                copy.write_row((a, None if a % 3 else f"row {a}\t\\"))
        with cur.copy("copy (select a, b from t order by a) to stdout") as copy:
            data = b"".join(bytes(block) for block in copy)
            print(len(data), data[-60:])
        with cur.copy("copy t (a, b) from stdin (format binary)") as copy:
            copy.set_types(["int4", "text"])
            for a in range(5000, 5100):
                copy.write_row((a, "b"))
        with cur.copy("copy (select a, b from t order by a) to stdout (format binary)") as copy:
            print(sum(len(bytes(block)) for block in copy))
        try:
            with cur.copy("copy t (a) from stdin") as copy:
                copy.write("1\nno number\n")
        except psycopg.Error as error:
            print(error.sqlstate, error.diag.message_primary, error.diag.context)
        try:
            with cur.copy("copy t (a) from stdin") as copy:
                raise RuntimeError("enough")
        except RuntimeError as error:
            print(error)
    with db.transaction():
        with db.cursor(name="held", scrollable=True) as cur:
            cur.itersize = 10
            cur.execute("select a, b from t where a < %s order by a", (150,))
            print(cur.fetchmany(5), sum(1 for _ in cur))
            cur.scroll(-3)
            print(cur.fetchall())
    with db.pipeline() as pipeline:
        curs = [db.execute("select %s::int * 2", (n,)) for n in range(200)]
        pipeline.sync()
        print(sum(cur.fetchone()[0] for cur in curs))
    try:
        with db.pipeline():
            db.execute("select 1")
            db.execute("select 1 / %s", (0,))
            db.execute("select 2")
    except psycopg.Error as error:
        print(error.sqlstate, error.diag.message_primary)
    print(db.info.transaction_status, db.execute("select 3").fetchone())
    for wrong in ("selec 1", "select nothing", "select 'a'::int", "select * from t where zz = 1"):
        for binary in (False, True):
            try:
                db.cursor(binary=binary).execute(wrong + " -- %s", (1,)) if binary else db.execute(wrong)
            except psycopg.Error as error:
                d = error.diag
                print(d.severity, d.sqlstate, d.message_primary, d.statement_position, d.message_hint)
    db.execute("do $$ begin raise notice 'noted'; raise warning 'warned' using hint = 'so'; end $$")
    db.execute("listen channel")
    db.execute("notify channel, 'hello'")
    for n in db.notifies(timeout=5, stop_after=1):
        print(n.channel, n.payload)
    prepared = [db.execute("select %s::text", (str(n),), prepare=True).fetchone() for n in range(10)]
    print(prepared, notices)
    big = db.execute("select repeat('x', 5000000)").fetchone()[0]
    print(len(big), db.execute("select length(%s)", ("y" * 5_000_000,)).fetchone())
    db.execute("set client_encoding to latin1")
    print(db.execute("select 'é' || %s", ("ü",)).fetchone())
    db.execute("reset client_encoding")
with psycopg.connect() as db:
    db.execute("set transaction isolation level serializable, read only")
    print(db.info.transaction_status)
    try:
        db.execute("create table x ()")
    except psycopg.Error as error:
        print(error.sqlstate)
    print(db.info.transaction_status)
    db.rollback()
    import threading
    timer = threading.Timer(0.3, db.cancel)
    timer.start()
    try:
        db.execute("select pg_sleep(60)")
    except psycopg.Error as error:
        print(error.sqlstate, error.diag.message_primary)
