"""The functions among other statements: pipelines, server cursors, COPY, transactions, other encodings."""

import sys

import psycopg

document, text = sys.argv[1], "one zwei drei€"
call = "select quire.text(%s)"

with psycopg.connect(autocommit=True) as db:
    for binary in (False, True):
        cur = db.cursor(binary=binary)
        assert cur.execute(call, (document,)).fetchone() == (text,)
        assert cur.description[0].name == "text"
        # Prepared by the driver after some uses.
        for _ in range(10):
            assert cur.execute(call, (document,)).fetchone() == (text,)
    with db.pipeline():
        before = db.execute("select %s::int", (1,))
        read = [db.execute(call, (document,)) for _ in range(5)]
        after = db.execute("select %s::int", (2,))
        assert (before.fetchone(), after.fetchone()) == ((1,), (2,))
        assert [cur.fetchone() for cur in read] == [(text,)] * 5
    for wrong in ("no uuid", "00000000-0000-0000-0000-00000000000x"):
        # The driver tells of it as soon as it has come, be it at the next statement or at the end.
        try:
            with db.pipeline() as pipeline:
                before = db.execute("select %s::int", (1,))
                pipeline.sync()
                lost = db.execute(call, (wrong,))
                db.execute("select 3")
                pipeline.sync()
                lost.fetchone()
                raise AssertionError("it fails")
        except psycopg.errors.InvalidTextRepresentation as error:
            assert error.diag.message_primary.startswith("invalid input syntax for type uuid")
        assert before.fetchone() == (1,)
        assert db.execute("select 4").fetchone() == (4,)
    with db.transaction():
        db.execute(f"create temp table kept on commit drop as select * from quire.blame('{document}')")
        assert db.execute("select string_agg(text, '' order by position) from kept").fetchone() == (text,)
        with db.cursor(name="held") as cur:
            cur.itersize = 1
            cur.execute("select text from quire.blame(%s) order by position", (document,))
            assert [row[0] for row in cur] == ["one ", "zwei ", "drei€"]
    with db.cursor().copy(f"copy (select text from quire.blame('{document}') order by position) to stdout") as copy:
        assert b"".join(map(bytes, copy)).decode() == "one \nzwei \ndrei€\n"
    with db.transaction():
        db.execute("set transaction isolation level repeatable read, read only")
        assert db.execute(call, (document,)).fetchone() == (text,)
    db.execute("set client_encoding to latin9")
    assert db.execute(call, (document,)).fetchone() == (text,)
    assert db.execute(f"select quire.text('{document}'), 'u'").fetchone()[0] == text
    db.execute("reset client_encoding")
    db.execute("set standard_conforming_strings to off")
    assert db.execute(f"select quire.text('{document}') || 'a\\'b'").fetchone() == (text + "a'b",)
    db.execute("reset standard_conforming_strings")
    db.execute("set search_path to nothing")
    assert db.execute(call, (document,)).fetchone() == (text,)
    db.execute("discard all")
    assert db.execute(call, (document,), prepare=False).fetchone() == (text,)
print("well")
