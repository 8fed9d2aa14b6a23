//! Orders in real SQLite files, whatever happens to them.

use std::{os::unix::fs::PermissionsExt as _, path::Path};

use sqlx::{Connection as _, SqliteConnection};
use tempfile::TempDir;
use time::OffsetDateTime;

use super::{form_key::new_form_key, *};
use crate::{
    address::Address,
    money::{Currency, Money},
};

fn orders(directory: &TempDir) -> Orders {
    orders_of(directory, Schema::Orders)
}

fn orders_of(directory: &TempDir, schema: Schema) -> Orders {
    Orders::new(&Database::Sqlite(Some(directory.path().join("orders.db"))), schema).unwrap()
}

fn order(shopper: &ShopperId) -> Order {
    Order {
        number: Order::new_number("ie"),
        locale: "ie".to_owned(),
        shopper: shopper.token().to_owned(),
        form_key: new_form_key(),
        placed_at: OffsetDateTime::UNIX_EPOCH,
        address: Address {
            name: "Aoife".to_owned(),
            email: "aoife@example.ie".to_owned(),
            street: "1 Main Street".to_owned(),
            town: "Dublin".to_owned(),
            county: String::new(),
            postcode: "D02 X285".to_owned(),
        },
        note: String::new(),
        lines: Vec::new(),
        total: Money { amount: 100, currency: Currency::EUR },
    }
}

/// What somebody else does to the database.
async fn execute(file: &Path, sql: &'static str) {
    let url = format!("sqlite:{}", file.display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn orders_survive_a_roll_back_past_a_migration() {
    let directory = tempfile::tempdir().unwrap();
    let shopper = ShopperId::new();
    let newer = orders(&directory);
    let placed = order(&shopper);
    newer.place(placed.clone()).await.unwrap();
    newer.close().await;
    let file = directory.path().join("orders.db");
    execute(
        &file,
        "ALTER TABLE orders ADD COLUMN gift TEXT;
        INSERT INTO _sqlx_migrations VALUES (29990101000000, 'gifts', 0, 1, x'00', 1)",
    )
    .await;
    let older = orders(&directory);
    older.check().await.unwrap();
    assert_eq!(older.of_shopper(&shopper).await.unwrap(), [placed]);
    older.place(order(&shopper)).await.unwrap();
}

#[tokio::test]
async fn what_is_closed_is_whole_in_its_file() {
    let directory = tempfile::tempdir().unwrap();
    let shopper = ShopperId::new();
    let before = orders(&directory);
    before.place(order(&shopper)).await.unwrap();
    before.close().await;
    let copies = tempfile::tempdir().unwrap();
    std::fs::copy(directory.path().join("orders.db"), copies.path().join("orders.db")).unwrap();
    assert_eq!(orders(&copies).of_shopper(&shopper).await.unwrap().len(), 1);
}

#[tokio::test]
async fn files_are_for_their_owner_alone() {
    let directory = tempfile::tempdir().unwrap();
    let orders = orders(&directory);
    orders.place(order(&ShopperId::new())).await.unwrap();
    let mut n_files = 0;
    for entry in std::fs::read_dir(directory.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.file_name());
        n_files += 1;
    }
    assert_eq!(n_files, 3, "the database, its log and its shared memory");
}

#[tokio::test]
async fn nothing_is_written_into_a_file_that_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let orders = orders(&directory);
    let file = directory.path().join("orders.db");
    orders.check().await.unwrap();
    std::fs::rename(&file, directory.path().join("moved.db")).unwrap();
    assert!(matches!(orders.check().await, Err(Unavailable::Replaced)));
    let refused = orders.place(order(&ShopperId::new())).await;
    assert!(matches!(refused, Err(NotPlaced::Refused(Unavailable::Replaced))), "{refused:?}");
    // Another file under its name is not the one that it was.
    std::fs::write(&file, "").unwrap();
    assert!(matches!(orders.check().await, Err(Unavailable::Replaced)));
    std::fs::rename(directory.path().join("moved.db"), &file).unwrap();
    orders.check().await.unwrap();
}

#[tokio::test]
async fn the_check_finds_what_an_order_would_meet() {
    let directory = tempfile::tempdir().unwrap();
    let orders = orders(&directory);
    orders.check().await.unwrap();
    let file = directory.path().join("orders.db");
    execute(&file, "CREATE TRIGGER full BEFORE INSERT ON orders BEGIN SELECT RAISE(ABORT, 'full'); END")
        .await;
    assert!(orders.check().await.unwrap_err().to_string().contains("full"));
    execute(&file, "DROP TRIGGER full").await;
    orders.check().await.unwrap();
    let shopper = ShopperId::new();
    orders.place(order(&shopper)).await.unwrap();
    let mut connection = SqliteConnection::connect(&format!("sqlite:{}", file.display())).await.unwrap();
    let n_orders: i64 =
        sqlx::query_scalar("SELECT count(*) FROM orders").fetch_one(&mut connection).await.unwrap();
    assert_eq!(n_orders, 1, "checks leave nothing");
}

/// Whichever has written an order, and in whatever order the releases came.
#[tokio::test]
async fn an_order_without_a_note_reads_as_one_with_an_empty_one() {
    let directory = tempfile::tempdir().unwrap();
    let shopper = ShopperId::new();
    let (older, newer) = (orders_of(&directory, Schema::Orders), orders_of(&directory, Schema::Note));
    let with_note = Order { note: "Ring twice".to_owned(), ..order(&shopper) };
    let before = order(&shopper);
    older.place(before.clone()).await.unwrap();
    newer.place(with_note.clone()).await.unwrap();
    let after = order(&shopper);
    older.place(after.clone()).await.unwrap();
    for placed in [&before, &with_note, &after] {
        let found = newer.find(&shopper, &placed.number).await.unwrap();
        assert_eq!(found.as_ref(), Some(placed));
        assert!(older.find(&shopper, &placed.number).await.unwrap().is_some());
    }
    assert_eq!((older.of_shopper(&shopper).await.unwrap().len(), older.check().await.is_ok()), (3, true));
}

/// As beside a newer release: it adds a column while this one runs, with its statements prepared.
#[tokio::test]
async fn a_column_that_a_newer_release_adds_hides_no_order() {
    let directory = tempfile::tempdir().unwrap();
    let orders = orders(&directory);
    let shopper = ShopperId::new();
    let placed = orders.place(order(&shopper)).await.unwrap();
    let Placed::New(placed) = placed else { panic!("{placed:?}") };
    let all = async || {
        // Once on each of the pool's connections, and once more.
        for _ in 0..5 {
            assert!(orders.find(&shopper, &placed.number).await.unwrap().is_some());
            assert_eq!(orders.of_shopper(&shopper).await.unwrap().len(), 1);
            assert!(orders.placed_by(&shopper, &placed.form_key).await.unwrap().is_some());
        }
    };
    all().await;
    execute(&directory.path().join("orders.db"), "ALTER TABLE orders ADD COLUMN note TEXT").await;
    all().await;
}

#[tokio::test]
async fn nothing_is_written_into_a_file_once_it_is_damaged() {
    let directory = tempfile::tempdir().unwrap();
    let shopper = ShopperId::new();
    let orders = orders(&directory);
    orders.place(order(&shopper)).await.unwrap();
    let Backend::Sqlite(sqlite) = &*orders.backend else { panic!("a file is SQLite's") };
    let pool = sqlite.pool().await.unwrap();
    // The connections so far have all pages in their caches. They come back to the pool when they are no longer used:
    // the one that made the tables may be late, and the order have one of its own.
    while pool.num_idle() < pool.size() as usize {
        tokio::task::yield_now().await;
    }
    let mut held = Vec::new();
    while pool.num_idle() > 0 {
        held.push(pool.acquire().await.unwrap());
    }
    for suffix in ["db", "db-wal"] {
        let file = directory.path().join("orders.db").with_extension(suffix);
        let length = std::fs::metadata(&file).unwrap().len();
        let file = std::fs::OpenOptions::new().write(true).open(file).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, &vec![0xa5; usize::try_from(length).unwrap()], 0)
            .unwrap();
    }
    // Another one has not, and finds out.
    orders.of_shopper(&shopper).await.unwrap_err();
    drop(held);
    for _ in 0..4 {
        let refused = orders.place(order(&shopper)).await.unwrap_err();
        assert!(matches!(refused, NotPlaced::Refused(Unavailable::Damaged)), "{refused}");
    }
}
