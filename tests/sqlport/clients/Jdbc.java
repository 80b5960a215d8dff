// JDBC: the extended protocol with named statements after some uses, batches, cursors, metadata, errors.

import java.sql.*;
import java.util.Properties;

public class Jdbc {
    public static void main(String[] arguments) throws Exception {
        Properties properties = new Properties();
        properties.setProperty("user", System.getenv("PGUSER"));
        properties.setProperty("password", System.getenv("PGPASSWORD"));
        String url = "jdbc:postgresql://" + System.getenv("PGHOST") + ":" + System.getenv("PGPORT") + "/" + System.getenv("PGDATABASE");
        try (Connection db = DriverManager.getConnection(url, properties)) {
            db.createStatement().execute("create temp table t (a int primary key, b text, c timestamptz)");
            try (PreparedStatement insert = db.prepareStatement("insert into t values (?, ?, '2026-01-01')")) {
                for (int a = 0; a < 100; a++) {
                    insert.setInt(1, a);
                    insert.setString(2, "x".repeat(a % 10));
                    insert.addBatch();
                }
                System.out.println(insert.executeBatch().length);
            }
            try (PreparedStatement select = db.prepareStatement("select a, b from t where a = ?")) {
                for (int a = 0; a < 20; a++) {
                    select.setInt(1, a);
                    ResultSet rows = select.executeQuery();
                    rows.next();
                    System.out.println(rows.getInt(1) + rows.getString(2));
                }
            }
            db.setAutoCommit(false);
            try (Statement cursor = db.createStatement()) {
                cursor.setFetchSize(7);
                ResultSet rows = cursor.executeQuery("select a from t order by a");
                int sum = 0;
                while (rows.next()) sum += rows.getInt(1);
                System.out.println(sum);
            }
            for (String wrong : new String[] {"selec 1", "select nothing", "insert into t values (1)"}) {
                Savepoint before = db.setSavepoint();
                try (Statement statement = db.createStatement()) {
                    statement.execute(wrong);
                } catch (SQLException e) {
                    System.out.println(e.getSQLState() + " " + e.getMessage());
                }
                db.rollback(before);
            }
            db.commit();
            ResultSet columns = db.getMetaData().getColumns(null, "quire", "document", null);
            while (columns.next()) {
                System.out.println(columns.getString("COLUMN_NAME") + " " + columns.getString("TYPE_NAME") + " " + columns.getString("REMARKS"));
            }
        }
    }
}
