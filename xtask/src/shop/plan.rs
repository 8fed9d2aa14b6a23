//! What the shop will consist of: its services, their addresses and settings.

use std::{
    fmt::Write as _,
    io::{Read as _, Write as _},
    net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    path::PathBuf,
    time::Duration,
};

use anyhow::{Context as _, bail};

use super::Shop;
use crate::workspace;

/// The stores that open, with what their inhabitants call the country.
const STORES: [(&str, &str); 2] = [("ie", "Ireland"), ("uk", "United Kingdom")];

/// How far above its own port the port of a store's metrics is.
const ADMIN_OFFSET: u16 = 81;

/// One service, before it is started.
pub(super) struct Planned {
    /// What its log lines are marked with.
    pub name: String,
    pub binary: &'static str,
    pub address: SocketAddr,
    pub environment: Vec<(&'static str, String)>,
    /// Where it runs and keeps what it keeps.
    pub directory: PathBuf,
    admin: SocketAddr,
    /// The flag that moves it to another port.
    flag: &'static str,
    /// What the table says of it.
    title: String,
}

/// The services that `shop` asks for, sava-product first.
pub(super) fn plan(shop: &Shop) -> anyhow::Result<Vec<Planned>> {
    let releases = if shop.cart_release.is_empty() {
        vec![None]
    } else {
        shop.cart_release.iter().map(|release| Some(release.as_str())).collect()
    };
    let port = |base: u16, offset: usize, flag: &str| {
        u16::try_from(offset)
            .ok()
            .and_then(|offset| base.checked_add(offset))
            .with_context(|| format!("there is no port {base} + {offset}; choose a lower one with {flag}"))
    };

    let data = shop.data.clone().unwrap_or_else(|| workspace::target().join("shop"));
    let data = std::path::absolute(&data).with_context(|| format!("{} is not a folder", data.display()))?;

    let mut plan = vec![Planned {
        name: "product".to_owned(),
        binary: "sava-product",
        address: SocketAddr::new(shop.host, shop.product_port),
        admin: loopback(port(shop.product_port, 1, "--product-port")?),
        environment: release(shop.product_release.as_deref()),
        directory: data.join("product"),
        flag: "--product-port",
        title: title("Products", shop.product_release.as_deref()),
    }];
    for (row, cart_release) in releases.iter().enumerate() {
        for (column, (locale, country)) in STORES.into_iter().enumerate() {
            let own = |column: usize| port(shop.cart_port, row * STORES.len() + column, "--cart-port");
            let mut environment = release(*cart_release);
            environment.push(("LOCALE", locale.to_owned()));
            environment.push(("DATABASE_URL", "sqlite:sava-cart.db".to_owned()));
            environment.push(("PRODUCT_SERVICE_ADDR", format!("http://{}", reached(plan[0].address))));
            let others = STORES.into_iter().enumerate().filter(|(other, _)| *other != column);
            let others = others.map(|(other, (_, country))| {
                anyhow::Ok(format!("{country}={}", shared_link(SocketAddr::new(shop.host, own(other)?))))
            });
            environment.push(("STORES", others.collect::<Result<Vec<_>, _>>()?.join(",")));
            plan.push(Planned {
                name: match cart_release {
                    Some(release) if releases.len() > 1 => format!("{locale} {release}"),
                    _ => locale.to_owned(),
                },
                binary: "sava-cart",
                address: SocketAddr::new(shop.host, own(column)?),
                admin: loopback(port(own(column)?, ADMIN_OFFSET.into(), "--cart-port")?),
                environment,
                // The releases of a store share its orders and its cookie key: a canary on one machine.
                directory: data.join(locale),
                flag: "--cart-port",
                title: title(country, *cart_release),
            });
        }
    }
    for planned in &mut plan {
        planned.environment.extend([
            ("LISTEN", planned.address.to_string()),
            ("ADMIN_LISTEN", planned.admin.to_string()),
            ("LOG_FORMAT", "text".to_owned()),
        ]);
    }
    Ok(plan)
}

/// Fails when a port is taken, naming it and the flag that moves it.
pub(super) fn check_ports(plan: &[Planned]) -> anyhow::Result<()> {
    for planned in plan {
        for address in [planned.address, planned.admin] {
            if let Err(error) = TcpListener::bind(address) {
                bail!(
                    "port {} ({}) cannot be used: {error}; choose another with {}",
                    address.port(),
                    planned.title,
                    planned.flag
                );
            }
        }
    }
    Ok(())
}

/// The links, as a table for the screen.
pub(super) fn table(plan: &[Planned]) -> String {
    let mut rows = Vec::new();
    let mut row = |title: &str, link: &str| rows.push((title.to_owned(), link.to_owned()));
    let (product, stores) = plan.split_first().expect("a shop has products");
    for store in stores {
        row(&store.title, &link(store.address, "/"));
    }
    row(&product.title, &link(product.address, "/products/ie"));
    row("API", &link(product.address, "/docs"));
    if let Some(store) = stores.first() {
        row("Live view", &link(store.address, "/release"));
    }
    // A phone cannot use `localhost`.
    if product.address.ip().is_unspecified() {
        for (interface, ip) in interfaces(product.address.ip()) {
            for store in stores {
                let title = format!("{} by {interface}", store.title);
                row(&title, &link(SocketAddr::new(ip, store.address.port()), "/"));
            }
        }
    }
    for service in plan {
        row(&format!("Metrics of {}", service.name), &link(service.admin, "/metrics"));
    }
    let width = rows.iter().map(|(title, _)| title.len()).max().unwrap_or(0);
    let mut table = String::from("\nThe shop is open; Ctrl-C closes it.\n\n");
    for (title, link) in rows {
        let _ = writeln!(table, "  {title:width$}  {link}");
    }
    table
}

/// The link of the first store for other machines, where they are let in and there is a way.
pub(super) fn link_for_phones(plan: &[Planned]) -> Option<String> {
    let address = plan.get(1)?.address;
    let (_, ip) = interfaces(address.ip()).into_iter().next().filter(|_| address.ip().is_unspecified())?;
    Some(link(SocketAddr::new(ip, address.port()), "/"))
}

/// The link to open first.
pub(super) fn front_door(plan: &[Planned]) -> String {
    plan.get(1).map_or_else(String::new, |store| link(store.address, "/"))
}

impl Planned {
    /// Whether it answers `/readyz` with 200 now.
    pub(super) fn is_ready(&self) -> bool {
        let ask = || -> std::io::Result<bool> {
            let address = reached(self.address);
            let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
            stream.set_read_timeout(Some(Duration::from_secs(1)))?;
            write!(stream, "GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
            let mut status = [0; 12];
            stream.read_exact(&mut status)?;
            Ok(status == *b"HTTP/1.1 200")
        };
        ask().unwrap_or(false)
    }
}

fn release(release: Option<&str>) -> Vec<(&'static str, String)> {
    release.map(|release| ("SAVA_RELEASE", release.to_owned())).into_iter().collect()
}

fn title(what: &str, release: Option<&str>) -> String {
    release.map_or_else(|| what.to_owned(), |release| format!("{what} {release}"))
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// Where a service that listens on `address` is reached from this machine.
fn reached(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => loopback(address.port()),
        IpAddr::V6(ip) if ip.is_unspecified() => {
            SocketAddr::new(std::net::Ipv6Addr::LOCALHOST.into(), address.port())
        }
        _ => address,
    }
}

/// The addresses at which other machines may reach what listens on all of `unspecified`'s family, with the names of
/// their interfaces; the one by which this machine reaches others first.
fn interfaces(unspecified: IpAddr) -> Vec<(String, IpAddr)> {
    // Connecting such a socket sends nothing: it only chooses an address. 192.0.2.1 is nobody's (RFC 5737).
    let first = UdpSocket::bind("0.0.0.0:0").and_then(|socket| {
        socket.connect("192.0.2.1:9")?;
        socket.local_addr()
    });
    let first = first.ok().map(|address| address.ip());
    let mut interfaces: Vec<_> = if_addrs::get_if_addrs()
        .unwrap_or_default()
        .into_iter()
        .filter(|interface| !interface.is_loopback() && !interface.is_link_local())
        .filter(|interface| interface.ip().is_ipv4() || unspecified.is_ipv6())
        .map(|interface| (interface.name.clone(), interface.ip()))
        .collect();
    interfaces.sort_by_key(|(_, ip)| (Some(*ip) != first, ip.is_ipv6()));
    interfaces
}

/// A link for browsers here and elsewhere.
fn shared_link(address: SocketAddr) -> String {
    let elsewhere = address.ip().is_unspecified().then(|| interfaces(address.ip()).into_iter().next());
    match elsewhere.flatten() {
        Some((_, ip)) => link(SocketAddr::new(ip, address.port()), "/"),
        None => link(address, "/"),
    }
}

/// A link for a browser here: `localhost` is a secure context and, in Chromium, sends what a site with TLS gets.
fn link(address: SocketAddr, path: &str) -> String {
    let address = reached(address);
    if address.ip().is_loopback() {
        format!("http://localhost:{}{path}", address.port())
    } else {
        format!("http://{address}{path}")
    }
}
