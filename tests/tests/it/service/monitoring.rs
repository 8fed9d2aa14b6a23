//! Metrics, and the dashboard and alerts that read them: Prometheus accepts all, and no name is made up.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Write as _,
    process::{Command, Stdio},
    time::Instant,
};

use regex_lite::Regex;
use sava_testbed::{
    Cart, PATIENCE, Product, Running, binaries, body, client, command,
    prometheus::{Prometheus, filled_in},
    tools,
};
use serde_json::{Value, json};

/// Labels of the target, which the scrape configuration adds, and the bound of a histogram's bucket.
const OF_THE_TARGET: [&str; 4] = ["app", "pod", "namespace", "le"];

async fn metrics(service: &Running) -> String {
    body(client().get(service.admin_url("/metrics").await).send().await.unwrap()).await
}

/// The metrics of both services after all that they count has happened once.
async fn pages() -> [String; 2] {
    let endpoint = "http://127.0.0.1:1";
    let data = tempfile::tempdir().unwrap();
    let db = data.path().join("db.json");
    let product_json = r#"{"id":1,"locale":"ie","title":"Dreamcatcher","description":"Nets","price":25}"#;
    fs::write(&db, format!(r#"{{"products":[{product_json}]}}"#)).unwrap();
    let product = Product::start().data(data.path()).env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint).await;
    let cart = Cart::start().product(&product.url("")).env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint).await;
    assert_eq!(product.get("/products/ie").await.status(), 200);
    assert_eq!(product.get("/nowhere").await.status(), 404);
    assert_eq!(cart.get("/").await.status(), 200);
    let added =
        client().post(cart.url("/cart/items")).form(&[("id", "1"), ("quantity", "1")]).send().await.unwrap();
    assert_eq!(added.status(), 303);
    let ordered = client().post(cart.url("/checkout")).form(&[("name", "")]).send().await.unwrap();
    assert!(!ordered.status().is_server_error(), "{ordered:?}");
    fs::write(&db, "not JSON").unwrap();
    let reloaded = async {
        while !metrics(&product).await.contains(r#"sava_catalog_reloads_total{result="failed"} 1"#) {}
    };
    tokio::time::timeout(sava_testbed::PATIENCE, reloaded).await.expect("bad data is noticed");
    [metrics(&product).await, metrics(&cart).await]
}

fn promtool(arguments: &[&str], input: &str) -> (bool, String) {
    let mut promtool: Command = command("promtool");
    promtool.args(arguments).current_dir(binaries::root().join("k8s/monitoring"));
    promtool.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut promtool = promtool.spawn().expect("promtool (Debian's package prometheus) is installed");
    promtool.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

/// Each metric of a page with its labels.
fn exported(pages: &[String]) -> BTreeMap<String, BTreeSet<String>> {
    let label = Regex::new(r#"([a-zA-Z_]+)=""#).unwrap();
    let mut exported = BTreeMap::<_, BTreeSet<String>>::new();
    for line in pages.iter().flat_map(|page| page.lines()).filter(|line| !line.starts_with('#')) {
        let (name, rest) = line.split_at(line.find(['{', ' ']).expect("a name and a value"));
        let labels = label.captures_iter(rest).map(|found| found[1].to_owned());
        exported.entry(name.to_owned()).or_default().extend(labels);
    }
    exported
}

/// Checks each metric of an expression, and each label that it picks by or sums over.
fn check(expression: &str, exported: &BTreeMap<String, BTreeSet<String>>) -> usize {
    let metric = Regex::new(r"\b((?:http|sava|process)_[a-z_]+)(\{[^}]*\})?").unwrap();
    let label = Regex::new(r#"([a-z_]+)\s*(?:=~|!~|!=|=)\s*""#).unwrap();
    let list = Regex::new(r"\bby \(([^)]*)\)").unwrap();
    let mut known: BTreeSet<&str> = OF_THE_TARGET.into();
    let mut count = 0;
    for found in metric.captures_iter(expression) {
        let labels =
            exported.get(&found[1]).unwrap_or_else(|| panic!("{} is not exported: {expression}", &found[1]));
        known.extend(labels.iter().map(String::as_str));
        for picked in label.captures_iter(found.get(2).map_or("", |braces| braces.as_str())) {
            let name = &picked[1];
            let is_known = labels.contains(name) || OF_THE_TARGET.contains(&name);
            assert!(is_known, "{} has no label {name}: {expression}", &found[1]);
        }
        count += 1;
    }
    for names in list.captures_iter(expression) {
        for name in names[1].split(',').map(str::trim) {
            assert!(known.contains(name), "no label {name}: {expression}");
        }
    }
    count
}

fn expressions(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                match value {
                    Value::String(text) if key == "expr" || key == "definition" => found.push(text.clone()),
                    _ => expressions(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| expressions(item, found)),
        _ => {}
    }
}

#[tokio::test]
async fn dashboard_and_alerts_name_what_is_exported() {
    let exported = exported(&pages().await);
    let folder = binaries::root().join("k8s/monitoring");

    let dashboard: Value =
        serde_json::from_str(&fs::read_to_string(folder.join("sava-dashboard.json")).unwrap()).unwrap();
    let mut of_dashboard = Vec::new();
    expressions(&dashboard, &mut of_dashboard);
    let count: usize = of_dashboard.iter().map(|expression| check(expression, &exported)).sum();
    assert!(count > 20, "{count} metrics in the dashboard");

    let alerts = fs::read_to_string(folder.join("sava-alerts.yml")).unwrap();
    let count: usize = alerts
        .split("- alert: ")
        .skip(1)
        .map(|alert| {
            let expression = alert.split("expr:").nth(1).unwrap().split("labels:").next().unwrap();
            let count = check(expression, &exported);
            assert!(count > 0, "an alert on nothing: {alert}");
            count
        })
        .sum();
    assert!(count > 10, "{count} metrics in the alerts");
}

/// What Grafana's published types say of a dashboard; nothing, where it is one.
fn grafana_says(dashboard: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    std::os::unix::fs::symlink(
        tools::folder("grafana-schema").join("node_modules"),
        folder.path().join("node_modules"),
    )
    .unwrap();
    file("types.ts", include_str!("dashboard.ts"));
    file(
        "dashboard.ts",
        &format!(
            "import type {{ SavaDashboard }} from \"./types.js\";\nexport const dashboard: SavaDashboard = {dashboard}"
        ),
    );
    let options = json!({
        "strict": true, "noEmit": true, "skipLibCheck": true,
        "module": "nodenext", "moduleResolution": "nodenext", "target": "es2022",
    });
    file("tsconfig.json", &json!({ "compilerOptions": options, "files": ["dashboard.ts"] }).to_string());
    let compiler = tools::folder("typescript").join("node_modules/.bin/tsc");
    let output = command(compiler).arg("--project").arg(folder.path()).output().expect("TypeScript runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.success(), said.is_empty(), "{said}");
    said
}

#[test]
fn dashboard_is_one_by_the_schema_of_grafana() {
    let dashboard = fs::read_to_string(binaries::root().join("k8s/monitoring/sava-dashboard.json")).unwrap();
    let said = grafana_says(&dashboard);
    assert_eq!(said, "");
    for (right, wrong, named) in [
        (r#""mode": "percent""#, r#""mode": "percents""#, "percents"),
        (r#""fillOpacity": 70"#, r#""filOpacity": 70"#, "filOpacity"),
        (r#""colorMode": "background""#, r#""colorMode": "red""#, "red"),
        (r#""legendFormat":"#, r#""legend":"#, "legend"),
        (r#""iconColor":"#, r#""icon":"#, "icon"),
        (r#""gridPos":"#, r#""grid":"#, "grid"),
    ] {
        assert!(dashboard.contains(right), "{right}");
        let said = grafana_says(&dashboard.replacen(right, wrong, 1));
        assert!(said.contains(&format!("\"{named}\"")), "{wrong}: {said}");
    }
}

/// What a real Prometheus has of each panel after some traffic, an order and a fault.
#[tokio::test]
async fn each_panel_of_the_dashboard_shows_something() {
    let product = Product::start().await;
    let cart = Cart::start().product(&product.url("")).await;
    let mut prometheus = Prometheus::start().await;
    prometheus.read("sava-product", "product-1", &product).await;
    prometheus.read("sava-cart-ie", "cart-1", &cart).await;
    let dashboard: Value = serde_json::from_str(
        &fs::read_to_string(binaries::root().join("k8s/monitoring/sava-dashboard.json")).unwrap(),
    )
    .unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let questions = panels.iter().flat_map(|panel| {
        let title = panel["title"].as_str().unwrap();
        let targets = panel["targets"].as_array().into_iter().flatten();
        targets.map(move |target| (title, filled_in(target["expr"].as_str().unwrap())))
    });
    let notes = dashboard["annotations"]["list"].as_array().unwrap().iter();
    let notes = notes
        .map(|note| (note["name"].as_str().unwrap(), filled_in(note["target"]["expr"].as_str().unwrap())));
    // What tells of nothing while all is well; and who is gone, as nobody is.
    let of_trouble = ["Releases that go", "Faults on purpose"];
    let mut open: Vec<_> = questions.chain(notes).collect();
    assert!(open.len() > 25, "{} questions", open.len());
    let start = Instant::now();
    while open.iter().any(|(title, _)| !of_trouble.contains(title)) {
        assert!(start.elapsed() < PATIENCE, "Prometheus has nothing for {open:#?}");
        assert_eq!(cart.get("/").await.status(), 200);
        let added = client().post(cart.url("/cart/items")).form(&[("id", "1")]).send().await.unwrap();
        let cookie = added.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
        let ordered = client().post(cart.url("/checkout")).header("cookie", cookie).form(&[("name", "")]);
        assert!(!ordered.send().await.unwrap().status().is_server_error());
        let mut unanswered = Vec::new();
        for (title, expression) in open {
            if prometheus.now(&expression).await.unwrap_or_else(|it| panic!("{title}: {it}")).is_empty() {
                unanswered.push((title, expression));
            }
        }
        open = unanswered;
    }
}

#[tokio::test]
async fn promtool_accepts_the_metrics() {
    for page in pages().await {
        let (is_good, said) = promtool(&["check", "metrics"], &page);
        assert!(is_good, "{said}");
    }
}

#[test]
fn promtool_accepts_the_rules_and_the_configuration() {
    let (is_good, said) = promtool(&["check", "rules", "sava-alerts.yml"], "");
    assert!(is_good && said.contains("12 rules found"), "{said}");
    // Debian's promtool knows no Kubernetes: a target in the place of its discovery lets it check the rest.
    let configuration = fs::read_to_string(binaries::root().join("k8s/monitoring/prometheus.yml")).unwrap();
    let discovery = "kubernetes_sd_configs:\n  - role: pod";
    assert!(configuration.contains(discovery));
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("prometheus.yml");
    let target = "static_configs:\n  - targets: [localhost]";
    fs::write(&file, configuration.replace(discovery, target).replace("- sava-alerts.yml", "")).unwrap();
    let (is_good, said) = promtool(&["check", "config", file.to_str().unwrap()], "");
    assert!(is_good, "{said}");
}

/// Resident memory of a release, read as Prometheus does: once at rest, then after each ten requests.
async fn memory_of(release: &str) -> Vec<f64> {
    let product = Product::start().release(release).await;
    let mut samples = Vec::new();
    for _ in 0..16 {
        let page = metrics(&product).await;
        let memory = page.lines().find_map(|line| line.strip_prefix("process_resident_memory_bytes "));
        samples.push(memory.expect("resident memory").parse().expect("a number"));
        for _ in 0..10 {
            assert_eq!(product.get("/products/ie").await.status(), 200);
        }
    }
    samples
}

/// The alerts that fire at the end of half an hour with a sample of each series a minute, from the start again and
/// again.
fn firing(series: &[(&str, Vec<f64>)]) -> Vec<&'static str> {
    let series = series.iter().map(|(name, samples)| {
        let values: Vec<String> = samples.iter().cycle().take(31).map(ToString::to_string).collect();
        json!({ "series": format!("{name}{{pod=\"pod\"}}"), "values": values.join(" ") })
    });
    let series: Vec<Value> = series.collect();
    let fires = |alert: &str| {
        let firing = format!("ALERTS{{alertname={alert:?},alertstate=\"firing\"}}");
        let sample = json!({ "labels": "{}", "value": 1 });
        let question =
            json!({ "expr": format!("sum({firing})"), "eval_time": "30m", "exp_samples": [sample] });
        let unit =
            json!({ "interval": "1m", "input_series": series.clone(), "promql_expr_test": [question] });
        let rules = binaries::root().join("k8s/monitoring/sava-alerts.yml");
        let test = json!({ "rule_files": [rules], "evaluation_interval": "1m", "tests": [unit] });
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("test.yml");
        fs::write(&file, test.to_string()).unwrap();
        let (fires, said) = promtool(&["test", "rules", file.to_str().unwrap()], "");
        assert!(fires || said.contains("got:"), "{said}");
        fires
    };
    ["SavaMemoryGrows", "SavaRestarts"].into_iter().filter(|alert| fires(alert)).collect()
}

#[tokio::test]
async fn a_leak_is_told_by_an_alert_before_its_limit_and_after() {
    const MEMORY: &str = "process_resident_memory_bytes";
    let good = memory_of("2.0.1").await;
    assert_eq!(firing(&[(MEMORY, good)]), [""; 0]);

    let leak = memory_of("2.0.2-leak").await;
    let (first, last) = (leak[0], leak[leak.len() - 1]);
    assert!(last - first > 140.0 * 1024.0 * 1024.0, "150 requests took it from {first} to {last}");
    // Slow traffic: it has grown past the threshold, and the limit is far.
    let stays = [leak[5]].into_iter().cycle().take(31).collect();
    assert_eq!(firing(&[(MEMORY, stays)]), ["SavaMemoryGrows"]);
    // Traffic: the manifests' limit ends it again and again, and each time it begins at rest.
    let lives: Vec<f64> = leak.into_iter().take_while(|it| *it < 128.0 * 1024.0 * 1024.0).collect();
    assert!(lives.len() < 16, "it never comes to its limit");
    let started = (0..31).map(|minute| f64::from(minute / u32::try_from(lives.len()).unwrap())).collect();
    let both = [(MEMORY, lives), ("process_start_time_seconds", started)];
    assert_eq!(
        firing(&both),
        ["SavaMemoryGrows"],
        "a restart every quarter of an hour is not an alarm by itself"
    );
    let started = (0..31).map(|minute| f64::from(minute / 4)).collect();
    assert_eq!(firing(&[("process_start_time_seconds", started)]), ["SavaRestarts"]);
}

#[tokio::test]
async fn labels_are_bounded() {
    let product = Product::start().await;
    for number in 0..50 {
        product.get(&format!("/nowhere/{number}")).await;
        product.get(&format!("/products/x{number}")).await;
        let method = reqwest::Method::from_bytes(format!("VERB{number}").as_bytes()).unwrap();
        client().request(method, product.url("/products/ie")).send().await.unwrap();
    }
    let page = metrics(&product).await;
    let series = page.lines().filter(|line| line.starts_with("http_server_request_duration_seconds_count"));
    assert!(series.count() < 12, "{page}");
    assert!(page.contains(r#"method="GET",release="3.0.0",route="unmatched",status="404""#), "{page}");
    assert!(page.contains(r#"method="other""#) && !page.contains("VERB"), "{page}");
}

/// `docker/compose.monitoring.yaml`: what one file of it names, the others have.
#[test]
fn monitoring_of_compose_finds_the_services() {
    let docker = binaries::root().join("docker");
    let yaml = |file: &str| -> Value {
        let text = fs::read_to_string(docker.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        let mut value: serde_yaml_ng::Value = serde_yaml_ng::from_str(&text).unwrap();
        value.apply_merge().unwrap();
        serde_json::to_value(value).unwrap()
    };
    let (shop, monitoring) = (yaml("compose.yaml"), yaml("compose.monitoring.yaml"));
    let services = monitoring["services"].as_object().unwrap();

    // Prometheus accepts its configuration, where its rules lie beside it as in the container.
    let folder = tempfile::tempdir().unwrap();
    for mount in services["prometheus"]["volumes"].as_array().unwrap() {
        let (from, to) = mount.as_str().unwrap().split_once(':').unwrap();
        let name = to.strip_suffix(":ro").unwrap().strip_prefix("/etc/prometheus/").unwrap();
        fs::copy(docker.join(from), folder.path().join(name)).unwrap_or_else(|it| panic!("{from}: {it}"));
    }
    let (is_good, said) =
        promtool(&["check", "config", folder.path().join("prometheus.yml").to_str().unwrap()], "");
    assert!(is_good && said.contains("12 rules found"), "{said}");

    // It asks each service at its admin port, by a name that tells the dashboard what it is.
    let job = &yaml("monitoring/prometheus.yml")["scrape_configs"][0];
    let app = Regex::new(&format!("^{}$", job["relabel_configs"][0]["regex"].as_str().unwrap())).unwrap();
    let mut asked = BTreeSet::new();
    for found in job["dns_sd_configs"].as_array().unwrap() {
        for name in found["names"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()) {
            asked.insert(name);
            assert!(app.is_match(name), "{name} is no app");
            assert!(shop["services"][name].is_object(), "{name} is not in compose.yaml");
            let listens = &services[name]["environment"]["ADMIN_LISTEN"];
            assert_eq!(*listens, format!("[::]:{}", found["port"]), "{name}");
        }
    }
    let aliases = &shop["services"]["sava-product-canary"]["networks"]["shop"]["aliases"];
    for (name, service) in services {
        let is_of_shop = shop["services"][name].is_object();
        if is_of_shop {
            // Containers that share a name are all found by it.
            let shares = name == "sava-product-canary" && *aliases == json!(["sava-product"]);
            assert!(shares || asked.contains(name.as_str()), "{name} is not asked");
            assert_eq!(service["environment"]["OTEL_EXPORTER_OTLP_ENDPOINT"], "http://jaeger:4318", "{name}");
            continue;
        }
        for mount in service["volumes"].as_array().into_iter().flatten() {
            let (from, _) = mount.as_str().unwrap().split_once(':').unwrap();
            assert!(docker.join(from).is_file(), "{name}: {from} is not there");
        }
        for port in service["ports"].as_array().unwrap() {
            assert!(port.as_str().unwrap().starts_with("127.0.0.1:"), "{name}: open to the world");
        }
    }

    let grafana = services["grafana"]["volumes"].to_string();
    let provider = &yaml("monitoring/dashboards.yaml")["providers"][0]["options"]["path"];
    let dashboard = format!("sava-dashboard.json:{}/sava-dashboard.json:ro", provider.as_str().unwrap());
    assert!(grafana.contains(&dashboard), "{grafana}");
    assert_eq!(yaml("monitoring/datasource.yaml")["datasources"][0]["url"], "http://prometheus:9090");
}
