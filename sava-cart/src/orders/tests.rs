//! Orders in real SQLite files, whatever happens to them.

use std::{os::unix::fs::PermissionsExt as _, path::Path};

use futures_util::future::join_all;
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection};
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
    let metrics = ShopMetrics::new(&prometheus::Registry::new());
    Orders::new(&Database::Sqlite(Some(directory.path().join("orders.db"))), schema, &metrics).unwrap()
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
async fn execute(file: &Path, sql: impl Into<String>) {
    let url = format!("sqlite:{}", file.display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql.into())).execute(&mut connection).await.unwrap();
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

/// Whatever comes while nothing is written yet is written by one commit.
#[tokio::test]
async fn orders_that_come_together_are_committed_together() {
    let directory = tempfile::tempdir().unwrap();
    let orders = orders(&directory);
    let shopper = ShopperId::new();
    let mut all: Vec<_> = (0..20).map(|_| order(&shopper)).collect();
    // Two of one form, and two with one number: a click too many, and chance.
    all[7].form_key = all[3].form_key.clone();
    all[9].number = all[5].number.clone();
    let placed = join_all(all.iter().map(|order| orders.place(order.clone()))).await;
    let mut numbers = Vec::new();
    for (place, placed) in placed.into_iter().enumerate() {
        match placed.unwrap() {
            Placed::New(order) => {
                assert_eq!(order.number == all[place].number, place != 9);
                numbers.push(order.number);
            }
            Placed::Before(order) => assert_eq!((place, &order.number), (7, &all[3].number)),
            Placed::Foreign => panic!("all are of one shopper"),
        }
    }
    let mut listed: Vec<_> = orders.of_shopper(&shopper).await.unwrap();
    listed.sort_by(|one, other| one.number.cmp(&other.number));
    numbers.sort();
    assert_eq!(
        listed.iter().map(|order| &order.number).collect::<Vec<_>>(),
        numbers.iter().collect::<Vec<_>>()
    );
    // The second of those is of the order that found its number taken.
    assert_eq!(commits(&orders), 2);
}

/// It has its own fate, whether the database takes back the statement or all of the transaction.
#[tokio::test]
async fn an_order_that_fails_does_not_fail_its_neighbours() {
    for ending in ["ABORT", "ROLLBACK"] {
        let directory = tempfile::tempdir().unwrap();
        let orders = orders(&directory);
        orders.check().await.unwrap();
        let trigger = format!(
            "CREATE TRIGGER refuse BEFORE INSERT ON orders WHEN NEW.total = 666
             BEGIN SELECT RAISE({ending}, 'not this one'); END"
        );
        execute(&directory.path().join("orders.db"), trigger).await;
        let shopper = ShopperId::new();
        let mut all: Vec<_> = (0..8).map(|_| order(&shopper)).collect();
        all[3].total.amount = 666;
        let placed = join_all(all.iter().map(|order| orders.place(order.clone()))).await;
        for (place, placed) in placed.into_iter().enumerate() {
            if place == 3 {
                let refused = placed.unwrap_err();
                assert!(matches!(refused, NotPlaced::Refused(_)), "{ending}: {refused}");
            } else {
                assert_eq!(placed.unwrap(), Placed::New(all[place].clone()), "{ending}");
            }
        }
        assert_eq!(orders.of_shopper(&shopper).await.unwrap().len(), 7, "{ending}");
    }
}

/// What the database says only when it is to commit is said of all, and nothing is written.
#[tokio::test]
async fn orders_that_cannot_be_committed_are_all_refused() {
    let directory = tempfile::tempdir().unwrap();
    let orders = orders(&directory);
    orders.check().await.unwrap();
    let until_commit = "CREATE TABLE couriers (name TEXT PRIMARY KEY);
        CREATE TABLE rides (courier TEXT REFERENCES couriers DEFERRABLE INITIALLY DEFERRED);
        CREATE TRIGGER ride AFTER INSERT ON orders BEGIN INSERT INTO rides VALUES ('nobody'); END";
    let file = directory.path().join("orders.db");
    execute(&file, until_commit).await;
    let shopper = ShopperId::new();
    let placed = join_all((0..8).map(|_| orders.place(order(&shopper)))).await;
    for placed in placed {
        assert!(matches!(placed, Err(NotPlaced::Refused(_))), "{placed:?}");
    }
    execute(&file, "DROP TRIGGER ride").await;
    assert_eq!(orders.of_shopper(&shopper).await.unwrap(), []);
    orders.place(order(&shopper)).await.unwrap();
}

fn commits(orders: &Orders) -> u64 {
    let Backend::Sqlite(sqlite) = &*orders.backend else { panic!("a file is SQLite's") };
    sqlite.metrics.order_commits()
}
