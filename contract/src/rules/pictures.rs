//! `/images/{file}`.

use crate::{
    Rule, Server,
    http::Response,
    objection::{Checked, demand},
    rules::representations::pictures,
};

pub(super) const RULES: &[Rule] = &[
    Rule::new("pictures/every-picture-answers", "every picture that the list names is there", |server| {
        for path in pictures(server)? {
            server.send(&server.ask("HEAD", &path))?.is(200)?;
        }
        Ok(())
    }),
    Rule::new("pictures/picture-is-svg", "a picture is SVG: image/svg+xml and an svg element", |server| {
        let answer = picture(server)?;
        answer.is_of_type("image/svg+xml")?;
        demand!(answer.text().contains("<svg"), "{} without an svg element", answer.story());
        Ok(())
    }),
    Rule::new("pictures/picture-has-no-script", "a picture runs nothing", |server| {
        for path in pictures(server)?.iter().take(50) {
            let answer = server.send(&server.get(path))?;
            let text = answer.text().to_lowercase();
            let active = ["<script", "<foreignobject", "javascript:", " onload="]
                .into_iter()
                .find(|a| text.contains(a));
            demand!(active.is_none(), "{} with {}", answer.story(), active.unwrap_or_default());
        }
        Ok(())
    }),
    Rule::new("pictures/picture-is-cached-for-an-hour", "a picture may be kept for an hour", |server| {
        let answer = picture(server)?;
        let directives = server.cache_control(&answer);
        demand!(
            directives.iter().any(|directive| directive == "max-age=3600"),
            "{} with Cache-Control: {}",
            answer.story(),
            directives.join(", ")
        );
        Ok(())
    }),
    Rule::new("pictures/picture-is-not-immutable", "but not for ever: a reload may replace it", |server| {
        let answer = picture(server)?;
        demand!(
            !server.cache_control(&answer).contains(&"immutable".to_owned()),
            "{}: immutable",
            answer.story()
        );
        Ok(())
    }),
    Rule::new("pictures/picture-has-etag", "a picture has a strong ETag", |server| {
        let answer = picture(server)?;
        let etag = answer.has("etag")?;
        demand!(
            etag.starts_with('"') && etag.ends_with('"') && etag.len() > 2,
            "{} with ETag: {etag}",
            answer.story()
        );
        Ok(())
    }),
    Rule::new("pictures/picture-is-304-when-unchanged", "If-None-Match with it is 304", |server| {
        let etag = picture(server)?.etag()?;
        let request = server.get(&server.picture_path()?).header("If-None-Match", &etag);
        let answer = server.send(&request)?;
        answer.is(304)?;
        demand!(answer.body.is_empty(), "{} with content", answer.story());
        Ok(())
    }),
    Rule::new("pictures/picture-for-any-accept", "a browser's img element gets it", |server| {
        let accept = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8";
        let answer = server.send(&server.get(&server.picture_path()?).accept(accept))?;
        answer.is(200)?.is_of_type("image/svg+xml").map(drop)
    }),
    Rule::new("pictures/unknown-picture-is-404", "a picture that is not there is a 404 problem", |server| {
        server.send(&server.get("/images/no-such-picture.svg"))?.problem(404).map(drop)
    }),
    Rule::new("pictures/pictures-stay-in-their-directory", "no path leads out of the pictures", |server| {
        let mut paths = vec!["/images/....//....//etc/passwd", "/images/.hidden", "/images/"];
        if server.through().is_none() {
            paths.extend([
                "/images/..%2f..%2fetc%2fpasswd",
                "/images/%2e%2e/db.json",
                "/images/../db.json",
                "/images/%00",
            ]);
        }
        for path in paths {
            let answer = server.send(&server.get(path))?;
            demand!((400..500).contains(&answer.status) || is_redirect(&answer), "{}", answer.story());
            demand!(!answer.text().contains("root:"), "{} with a file of the machine", answer.story());
        }
        Ok(())
    }),
];

fn is_redirect(answer: &Response) -> bool {
    (300..400).contains(&answer.status)
}

fn picture(server: &Server) -> Checked<Response> {
    let answer = server.send(&server.get(&server.picture_path()?))?;
    answer.is(200)?;
    Ok(answer)
}
