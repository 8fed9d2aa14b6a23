//! The `Link` header (RFC 8288), and references resolved against the path of a request (RFC 3986 §5.2).

use crate::http::Response;

/// One link of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The reference between the angle brackets.
    pub reference: String,
    /// Its parameters, names in lower case, values without their quotes.
    pub parameters: Vec<(String, String)>,
}

impl Link {
    /// The value of a parameter.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(parameter, _)| parameter == name).map(|(_, value)| value.as_str())
    }

    /// Whether the link has the relation type.
    #[must_use]
    pub fn is(&self, relation: &str) -> bool {
        self.parameter("rel")
            .is_some_and(|types| types.split_ascii_whitespace().any(|t| t.eq_ignore_ascii_case(relation)))
    }
}

/// All links of an answer; an error says what cannot be read.
pub fn links(answer: &Response) -> Result<Vec<Link>, String> {
    let mut links = Vec::new();
    for line in answer.values("link") {
        let mut rest = line.trim_start();
        while !rest.is_empty() {
            let inside =
                rest.strip_prefix('<').ok_or_else(|| format!("Link: {line} has no < at {rest:?}"))?;
            let (reference, after) =
                inside.split_once('>').ok_or_else(|| format!("Link: {line} has no > after {inside:?}"))?;
            let (parameters, after) = parameters(after);
            links.push(Link { reference: reference.to_owned(), parameters });
            rest = after.trim_start_matches([',', ' ', '\t']);
        }
    }
    Ok(links)
}

/// Reads `; name=value; name="value"` up to the comma that ends a link.
fn parameters(mut rest: &str) -> (Vec<(String, String)>, &str) {
    let mut parameters = Vec::new();
    loop {
        rest = rest.trim_start();
        let Some(after) = rest.strip_prefix(';') else { return (parameters, rest) };
        let after = after.trim_start();
        let end = after.find(['=', ';', ',']).unwrap_or(after.len());
        let name = after[..end].trim().to_ascii_lowercase();
        rest = &after[end..];
        let Some(value) = rest.strip_prefix('=') else {
            parameters.push((name, String::new()));
            continue;
        };
        let value = value.trim_start();
        let (value, after) = match value.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => value.split_at(value.find([';', ',']).unwrap_or(value.len())),
        };
        parameters.push((name, value.trim().to_owned()));
        rest = after;
    }
}

/// Whether a reference holds below any prefix: it has no scheme, no host, and does not start at the root.
#[must_use]
pub fn is_relative(reference: &str) -> bool {
    let path = &reference[..reference.find(['?', '#']).unwrap_or(reference.len())];
    let first = path.split('/').next().unwrap_or_default();
    !path.starts_with('/') && !first.contains(':')
}

/// The path and query that a relative reference means, seen from a path such as `/products/ie`.
#[must_use]
pub fn resolve(path: &str, reference: &str) -> String {
    let reference = reference.split('#').next().unwrap_or_default();
    let (relative, query) = match reference.split_once('?') {
        Some((relative, query)) => (relative, format!("?{query}")),
        None => (reference, String::new()),
    };
    let path = path.split('?').next().unwrap_or_default();
    if relative.is_empty() {
        return format!("{path}{query}");
    }
    let mut segments: Vec<&str> = path.split('/').collect();
    segments.pop();
    for segment in relative.split('/') {
        match segment {
            "." => {}
            ".." => {
                if segments.len() > 1 {
                    segments.pop();
                }
            }
            _ => segments.push(segment),
        }
    }
    if matches!(relative.rsplit('/').next(), Some("." | "..")) {
        segments.push("");
    }
    format!("{}{query}", segments.join("/"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn links_are_read_with_their_parameters() {
        let answer = Response {
            asked: String::new(),
            status: 200,
            headers: vec![
                ("Link".to_owned(), "<?_page=1>; rel=\"first\", <?a=1,2>;rel=next ; type=\"a;b\"".to_owned()),
                ("link".to_owned(), "<>; rel=\"x successor-version\"".to_owned()),
            ],
            body: Vec::new(),
            elapsed: Duration::ZERO,
        };
        let links = links(&answer).unwrap();
        assert_eq!(links.len(), 3);
        assert!(links[0].is("first") && links[1].is("next") && links[2].is("successor-version"));
        assert_eq!((links[1].reference.as_str(), links[1].parameter("type")), ("?a=1,2", Some("a;b")));
    }

    #[test]
    fn references_resolve_as_a_browser_does() {
        assert_eq!(resolve("/products/ie?q=a", "?_page=2"), "/products/ie?_page=2");
        assert_eq!(resolve("/products", "products/ie"), "/products/ie");
        assert_eq!(resolve("/products/ie", "../openapi.json"), "/openapi.json");
        assert_eq!(resolve("/", "./docs"), "/docs");
        assert_eq!(resolve("/products/ie", ""), "/products/ie");
        assert_eq!(resolve("/a/b/c", ".."), "/a/");
    }

    #[test]
    fn relative_means_holding_below_any_prefix() {
        for reference in ["", "?a:b", "products/ie", "./a:b", "../x", "#x"] {
            assert!(is_relative(reference), "{reference}");
        }
        for reference in ["/products", "//host/x", "http://host/", "mailto:a"] {
            assert!(!is_relative(reference), "{reference}");
        }
    }
}
