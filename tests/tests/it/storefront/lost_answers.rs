//! An order's INSERT or the answer to it is lost on its way: the page says what is known, and no order is made twice.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use reqwest::StatusCode;
use sava_testbed::{Cart, Postgres, body};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
};

use super::roving_shopper::{Filled, RovingShopper};

/// Never cut.
const NEVER: usize = usize::MAX;

/// What stands in every order of these tests.
const EMAIL: &[u8] = b"aoife@example.ie";

/// What stands between a store front and its database.
struct CuttingLink {
    port: u16,
    state: Arc<LinkState>,
}

#[derive(Default)]
struct LinkState {
    /// What a connection takes with it when it ends: 0 an order's INSERT, 1 the answer to it.
    cut_after: AtomicUsize,
    /// Whether connections end, those that there are and those that begin.
    is_down: watch::Sender<bool>,
    /// Whether the line goes down with the next cut.
    goes_down: AtomicBool,
    cuts: AtomicUsize,
}

impl CuttingLink {
    async fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(LinkState { cut_after: AtomicUsize::new(NEVER), ..LinkState::default() });
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if !*shared.is_down.borrow() {
                    tokio::spawn(carry(client, server.clone(), Arc::clone(&shared)));
                }
            }
        });
        Self { port, state }
    }

    /// Cuts the next connection by which an order is written, before the order (0) or before the answer (1); then, perhaps,
    /// the line is down.
    fn cut(&self, after: usize, goes_down: bool) {
        self.state.goes_down.store(goes_down, Ordering::SeqCst);
        self.state.cut_after.store(after, Ordering::SeqCst);
    }

    fn mend(&self) {
        self.state.cut_after.store(NEVER, Ordering::SeqCst);
        self.state.is_down.send_replace(false);
    }

    fn cuts(&self) -> usize {
        self.state.cuts.load(Ordering::SeqCst)
    }
}

impl LinkState {
    /// One cut alone, however many connections there are.
    fn count_cut(&self) {
        if self.cut_after.swap(NEVER, Ordering::SeqCst) != NEVER {
            self.is_down.send_replace(self.goes_down.load(Ordering::SeqCst));
            self.cuts.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// Carries a connection until it is cut. The server has done what it answered by then.
async fn carry(mut client: TcpStream, server: String, state: Arc<LinkState>) {
    let Ok(mut server) = TcpStream::connect(server).await else { return };
    let (mut up, mut down) = ([0; 16 << 10], [0; 16 << 10]);
    let mut is_answer_lost = false;
    let mut end = state.is_down.subscribe();
    loop {
        tokio::select! {
            () = async { drop(end.wait_for(|is_down| *is_down).await) } => return,
            read = client.read(&mut up) => {
                let Ok(1..) = read else { return };
                let sent = &up[..read.unwrap_or_default()];
                let cut_after = state.cut_after.load(Ordering::SeqCst);
                // The statement was prepared when it was tried: an order is known by its shopper.
                if cut_after != NEVER && sent.windows(EMAIL.len()).any(|window| window == EMAIL) {
                    if cut_after == 0 {
                        return state.count_cut();
                    }
                    is_answer_lost = true;
                }
                if server.write_all(sent).await.is_err() {
                    return;
                }
            }
            read = server.read(&mut down) => {
                let Ok(1..) = read else { return };
                if is_answer_lost {
                    return state.count_cut();
                }
                if client.write_all(&down[..read.unwrap_or_default()]).await.is_err() {
                    return;
                }
            }
        }
    }
}

struct Shop {
    _postgres: Postgres,
    line: CuttingLink,
    cart: Cart,
}

impl Shop {
    async fn open() -> Self {
        let postgres = Postgres::start().await;
        let url = postgres.url("127.0.0.1");
        let (_, rest) = url.rsplit_once(':').unwrap();
        let (port, database) = rest.split_once('/').unwrap();
        let line = CuttingLink::to(format!("127.0.0.1:{port}")).await;
        let url = format!("postgres://shop:s3cret@127.0.0.1:{}/{database}", line.port);
        let cart = Cart::start().env("DATABASE_URL", url).env("COOKIE_KEY", "5a".repeat(64)).await;
        cart.logged("orders can be written").await;
        Self { _postgres: postgres, line, cart }
    }

    async fn n_orders(&self, shopper: &RovingShopper) -> usize {
        shopper.orders(&self.cart).await.matches("Order IE-").count()
    }
}

#[tokio::test]
async fn an_order_whose_answer_is_lost_is_placed_once() {
    for after in 0..2 {
        let shop = Shop::open().await;
        let shopper = RovingShopper::new();
        shopper.add(&shop.cart, "garlic", "2").await;
        let form = shopper.checkout(&shop.cart).await;
        shop.line.cut(after, false);
        let number = shopper.order(&shop.cart, &form).await;
        assert_eq!(shopper.order(&shop.cart, &form).await, number, "cut after {after}");
        assert_eq!(shop.n_orders(&shopper).await, 1, "cut after {after}");
        assert_eq!(shop.line.cuts(), 1, "cut after {after}");
    }
}

#[tokio::test]
async fn an_order_of_which_nothing_is_known_is_said_to_be_so_and_placed_once() {
    for after in 0..2 {
        let shop = Shop::open().await;
        let shopper = RovingShopper::new();
        shopper.add(&shop.cart, "garlic", "2").await;
        let form = shopper.checkout(&shop.cart).await;
        shop.line.cut(after, true);
        let answer = shopper.submit(&shop.cart, &form).await;
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        let page = body(answer).await;
        assert!(page.contains("We do not know whether your order was placed"), "{page}");
        assert!(page.contains("<a href=\"orders\">Your orders</a>"), "{page}");
        assert!(!page.contains("did not take it"), "{page}");
        assert_eq!(Filled::of_page(&page).key, form.key);

        // While it is away another try knows no more than the first.
        let again = shopper.submit(&shop.cart, &form).await;
        assert_eq!(again.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(body(again).await.contains("We do not know whether your order was placed"));

        shop.line.mend();
        // Not the form of that page, but the way by the cart: it is the same order all the same.
        let anew = shopper.checkout(&shop.cart).await;
        assert_eq!(anew.key, form.key);
        let number = shopper.order(&shop.cart, &anew).await;
        assert_eq!(shop.n_orders(&shopper).await, 1, "cut after {after}");
        assert!(shopper.orders(&shop.cart).await.contains(&number));

        // The next cart, though it is alike, is another order.
        shopper.add(&shop.cart, "garlic", "2").await;
        let next = shopper.checkout(&shop.cart).await;
        assert_ne!(next.key, form.key);
        assert_ne!(shopper.order(&shop.cart, &next).await, number);
        assert_eq!(shop.n_orders(&shopper).await, 2);
    }
}

#[tokio::test]
async fn another_cart_is_another_order_whatever_became_of_the_first() {
    let shop = Shop::open().await;
    let shopper = RovingShopper::new();
    shopper.add(&shop.cart, "garlic", "2").await;
    let form = shopper.checkout(&shop.cart).await;
    shop.line.cut(1, true);
    assert_eq!(shopper.submit(&shop.cart, &form).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    shop.line.mend();
    shopper.add(&shop.cart, "apples", "1").await;
    let other = shopper.checkout(&shop.cart).await;
    assert_ne!(other.key, form.key);
    shopper.order(&shop.cart, &other).await;
    assert_eq!(shop.n_orders(&shopper).await, 2, "the first had been placed, and is shown");
}
