//! Read-only use from any page (the Fetch standard, §3.2).

use crate::{
    Rule, Server,
    http::Response,
    objection::{Checked, demand},
};

/// A page of somebody else's.
const ORIGIN: &str = "https://page.example";

pub(super) const RULES: &[Rule] = &[
    Rule::new("cors/cors-any-origin", "a list may be read by any page", |server| {
        any_origin(server, &server.list_path()?)
    }),
    Rule::new("cors/cors-any-origin-for-one", "so may one product", |server| {
        any_origin(server, &server.product_path()?)
    }),
    Rule::new("cors/cors-any-origin-for-locales", "so may /products", |server| {
        any_origin(server, "/products")
    }),
    Rule::new("cors/cors-any-origin-for-openapi", "so may /openapi.json", |server| {
        any_origin(server, "/openapi.json")
    }),
    Rule::new("cors/cors-on-errors", "so may an error, or the page cannot tell what was wrong", |server| {
        any_origin(server, "/products/nowhere")
    }),
    Rule::new("cors/cors-without-credentials", "no page may send cookies along", |server| {
        seen(server)?;
        let answer = server.send(&server.get_list()?.header("Origin", ORIGIN))?;
        answer.has_no("access-control-allow-credentials").map(drop)
    }),
    Rule::new(
        "cors/cors-exposes-headers",
        "a page may read X-Total-Count, Link, ETag and what X-Sava-* say",
        |server| {
            seen(server)?;
            let answer = server.send(&server.get_list()?.header("Origin", ORIGIN))?;
            let said = answer.has("access-control-expose-headers")?;
            let exposed = answer.tokens("access-control-expose-headers");
            for name in ["x-total-count", "link", "etag", "x-sava-release", "x-sava-media-type"] {
                let is_exposed = exposed.iter().any(|token| token == name || token == "*");
                demand!(
                    is_exposed,
                    "{} with Access-Control-Expose-Headers: {said}, without {name}",
                    answer.story()
                );
            }
            Ok(())
        },
    ),
    Rule::new("cors/cors-preflight-succeeds", "a preflight for GET succeeds", |server| {
        preflight(server, "GET").map(drop)
    }),
    Rule::new("cors/cors-preflight-allows-reading", "it allows GET and HEAD", |server| {
        let answer = preflight(server, "GET")?;
        let methods = answer.tokens("access-control-allow-methods");
        let allowed = methods.iter().any(|method| method == "*")
            || (methods.contains(&"get".to_owned()) && methods.contains(&"head".to_owned()));
        demand!(allowed, "{} with Access-Control-Allow-Methods: {}", answer.story(), methods.join(", "));
        Ok(())
    }),
    Rule::new("cors/cors-preflight-allows-no-writing", "it allows nothing that writes", |server| {
        let answer = preflight(server, "POST")?;
        let methods = answer.tokens("access-control-allow-methods");
        let written =
            methods.iter().find(|m| matches!(m.as_str(), "post" | "put" | "patch" | "delete" | "*"));
        demand!(written.is_none(), "{} allows {}", answer.story(), methods.join(", "));
        Ok(())
    }),
    Rule::new(
        "cors/cors-preflight-allows-conditions",
        "it allows If-None-Match, so that a page can use its cache",
        |server| {
            seen(server)?;
            let request = server
                .ask("OPTIONS", &server.list_path()?)
                .header("Origin", ORIGIN)
                .header("Access-Control-Request-Method", "GET")
                .header("Access-Control-Request-Headers", "if-none-match");
            let answer = server.send(&request)?;
            let allowed = answer.tokens("access-control-allow-headers");
            let is_allowed = allowed.iter().any(|name| name == "if-none-match" || name == "*");
            demand!(
                is_allowed,
                "{} with Access-Control-Allow-Headers: {}",
                answer.story(),
                allowed.join(", ")
            );
            Ok(())
        },
    ),
];

fn seen(server: &Server) -> Checked {
    server.directly("takes the headers of CORS away")
}

fn any_origin(server: &Server, path: &str) -> Checked {
    seen(server)?;
    server
        .send(&server.get(path).header("Origin", ORIGIN))?
        .says("access-control-allow-origin", "*")
        .map(drop)
}

fn preflight(server: &Server, method: &str) -> Checked<Response> {
    seen(server)?;
    let request = server
        .ask("OPTIONS", &server.list_path()?)
        .header("Origin", ORIGIN)
        .header("Access-Control-Request-Method", method);
    let answer = server.send(&request)?;
    demand!((200..300).contains(&answer.status), "{}", answer.story());
    answer.says("access-control-allow-origin", "*")?;
    Ok(answer)
}
