//! Queries on a list. What their tables share is here: a query is asked, and what it finds is compared with what should
//! be found.

pub(super) mod filters;
pub(super) mod paging;
pub(super) mod search;
pub(super) mod sorting;

use crate::{
    Server,
    http::Response,
    objection::{Checked, demand},
    server::Product,
};

/// Parameters, in order.
pub(super) type Query<'a> = &'a [(&'a str, &'a str)];

/// Asks the list.
pub(super) fn ask(server: &Server, query: Query<'_>) -> Checked<Response> {
    let request = query.iter().fold(server.get_list()?, |request, (name, value)| request.query(name, value));
    server.send(&request)
}

/// The query finds these products, in this order, and no others.
pub(super) fn finds<'a>(
    server: &Server,
    query: Query<'_>,
    expected: impl IntoIterator<Item = &'a Product>,
) -> Checked<Response> {
    let expected: Vec<i64> = expected.into_iter().map(|product| product.id).collect();
    let answer = ask(server, query)?;
    let found = answer.ids()?;
    demand!(found == expected, "{} with products {}, not {}", answer.asked, few(&found), few(&expected));
    Ok(answer)
}

/// The query is a 400 that names the parameter; that it is a problem, too, is for the rules on errors to say.
pub(super) fn refuses(server: &Server, query: Query<'_>, name: &str) -> Checked {
    refuses_with(server, query, &[name])
}

/// The query is a 400 that says all this.
pub(super) fn refuses_with(server: &Server, query: Query<'_>, texts: &[&str]) -> Checked {
    let answer = ask(server, query)?;
    let said = answer.is(400)?.text();
    for text in texts {
        demand!(said.contains(text), "{}: {said} does not name {text}", answer.asked);
    }
    Ok(())
}

/// Ids for a message.
fn few(ids: &[i64]) -> String {
    let shown: Vec<String> = ids.iter().take(12).map(ToString::to_string).collect();
    let more = if ids.len() > 12 { format!(" … ({})", ids.len()) } else { String::new() };
    format!("[{}{more}]", shown.join(" "))
}
