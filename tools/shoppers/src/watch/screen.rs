//! The picture: a split in a terminal of any size, best in one of 80 columns and 24 lines.

use std::time::Duration;

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Color, Modifier, Style},
    text::{Line, Span, Text},
};
use sava_theme::{NOBODY, Sign};

use super::{
    clock,
    watched::{NOW, Release, SERVICES, Service, Watched},
};

/// How wide the columns are: a release with its sign, its share in figures, two latencies, errors and pods. The rest is the
/// bar of its share.
const NAME: usize = 18;
const SHARE: usize = 7;
const LATENCIES: usize = 18;
const COUNTS: usize = 14;

/// Lines around the releases of a service: a heading, the samples, and a line to the next.
const AROUND: usize = 3;

/// What the picture says beside what was seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Screen<'a> {
    pub(super) url: &'a str,
    /// Since the watch began; it stands still in a pause.
    pub(super) now: Duration,
    pub(super) is_paused: bool,
    pub(super) is_coloured: bool,
}

impl Screen<'_> {
    /// Draws the picture.
    pub(super) fn draw(self, frame: &mut Frame<'_>, watched: &mut Watched) {
        let area = frame.area();
        let lanes = SERVICES.map(|service| watched.releases(service, self.now));
        let n_releases: usize = lanes.iter().map(Vec::len).sum();
        // Where there is little room, the releases are what stays.
        let is_roomy = usize::from(area.height) >= 3 + n_releases + 2 * AROUND + 3;
        let around = if is_roomy { AROUND } else { 0 };
        let heights = lanes.each_ref().map(|lane| Constraint::Length(height(lane.len() + around)));
        let [head, storefront, product, events, keys] = Layout::vertical([
            Constraint::Length(2 + u16::from(is_roomy)),
            heights[0],
            heights[1],
            Constraint::Fill(1),
            Constraint::Length(u16::from(is_roomy)),
        ])
        .areas(area);
        frame.render_widget(self.head(watched), head);
        for ((service, lane), area) in SERVICES.into_iter().zip(&lanes).zip([storefront, product]) {
            let columns = Columns::of(area.width);
            let mut text: Vec<_> = lane.iter().map(|release| self.release(release, columns)).collect();
            if is_roomy {
                text.insert(0, columns.heading(service));
                text.push(self.marks(service, watched, area));
            }
            frame.render_widget(Text::from(text), area);
        }
        frame.render_widget(self.events(watched, events), events);
        let keys_are = "q quit   r count lost from now   p pause   latencies, errors: last minute";
        frame.render_widget(Span::styled(keys_are, DIM), keys);
    }

    fn head(self, watched: &Watched) -> Text<'static> {
        let lost = watched.lost();
        let lost = Span::styled(format!("{lost} lost"), if lost > 0 { self.bad() } else { BOLD });
        let mut state =
            vec![lost, Span::raw(format!("   {} samples in {}", watched.n_samples, clock(self.now)))];
        if watched.is_closed() {
            state.push(Span::styled("   THE SHOP IS CLOSED: nobody answers", self.bad()));
        } else if self.is_paused {
            state.push(Span::styled("   PAUSED", BOLD.add_modifier(Modifier::REVERSED)));
        }
        Text::from(vec![
            Line::from(vec![Span::styled("sava ", BOLD), Span::raw(self.url.to_owned())]),
            Line::from(state),
        ])
    }

    /// The last samples, one by one.
    fn marks(self, service: Service, watched: &Watched, area: Rect) -> Line<'static> {
        let marks = watched.marks(service, usize::from(area.width)).into_iter().map(|mark| {
            let shape = if mark.failed { '✗' } else { Sign::of_release(&mark.release).shape };
            let style = if mark.failed { self.bad() } else { self.style(&mark.release) };
            Span::styled(shape.to_string(), style)
        });
        Line::from(marks.collect::<Vec<_>>())
    }

    fn release(self, release: &Release, columns: Columns) -> Line<'static> {
        let sign = Sign::of_release(&release.name);
        let style = self.style(&release.name);
        let figures = &release.figures;
        let latency = |share| match figures.latencies() {
            [] => "–".to_owned(),
            _ => format!("{:.1}", figures.percentile(share)),
        };
        let errors = Span::styled(
            format!("{:>8}", figures.errors),
            if figures.errors > 0 { self.bad() } else { Style::new() },
        );
        // A release that is bad on purpose is hatched, as in a browser.
        let fill = if sign.is_bad() { "▒" } else { "█" };
        let filled = length(release.share, columns.bar);
        let mut spans = vec![
            Span::styled(format!("{} {:<w$.w$}", sign.shape, release.name, w = NAME - 2), style),
            Span::styled(format!("{:>4.0} % ", release.share * 100.0), BOLD),
            Span::styled(fill.repeat(filled), style),
            Span::raw(" ".repeat(columns.bar - filled)),
        ];
        if columns.has_latencies {
            spans.push(Span::raw(format!("{:>9}{:>9}", latency(0.5), latency(0.95))));
        }
        let pods = if release.name == NOBODY { String::new() } else { release.pods.len().to_string() };
        spans.extend([errors, Span::raw(format!("{pods:>6}"))]);
        Line::from(spans)
    }

    fn events(self, watched: &Watched, area: Rect) -> Text<'static> {
        let newest = watched.events.iter().rev().take(usize::from(area.height));
        let lines = newest.map(|event| {
            let style = if event.mark == '!' { self.bad() } else { Style::new() };
            Line::from(vec![
                Span::styled(format!("{} ", clock(event.at)), DIM),
                Span::styled(format!("{} {}", event.mark, event.text), style),
            ])
        });
        Text::from(lines.collect::<Vec<_>>())
    }

    fn style(self, release: &str) -> Style {
        if self.is_coloured {
            Style::new().fg(Color::Indexed(Sign::of_release(release).indexed))
        } else {
            Style::new()
        }
    }

    fn bad(self) -> Style {
        if self.is_coloured { BOLD.fg(Color::Red) } else { BOLD }
    }
}

const BOLD: Style = Style::new().add_modifier(Modifier::BOLD);
const DIM: Style = Style::new().add_modifier(Modifier::DIM);

/// The columns that a width has room for.
#[derive(Clone, Copy)]
struct Columns {
    bar: usize,
    has_latencies: bool,
}

impl Columns {
    fn of(width: u16) -> Self {
        let room = usize::from(width).saturating_sub(NAME + SHARE + COUNTS);
        let has_latencies = room >= LATENCIES;
        Self { bar: if has_latencies { room - LATENCIES } else { room }, has_latencies }
    }

    fn heading(self, service: Service) -> Line<'static> {
        let now = format!("last {} s", NOW.as_secs());
        let latencies =
            if self.has_latencies { format!("{:>9}{:>9}", "p50 ms", "p95 ms") } else { String::new() };
        let width = self.bar + SHARE;
        Line::styled(
            format!("{:<NAME$}{now:<width$.width$}{latencies}{:>8}{:>6}", service.name(), "errors", "pods"),
            DIM,
        )
    }
}

fn height(lines: usize) -> u16 {
    u16::try_from(lines).unwrap_or(u16::MAX)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "columns"
)]
fn length(share: f64, width: usize) -> usize {
    ((share * width as f64).round() as usize).min(width)
}

#[cfg(test)]
mod tests {
    use ratatui::{
        Terminal,
        backend::TestBackend,
        buffer::{Buffer, Cell},
    };

    use super::*;
    use crate::{
        tally::{Failure, Observation},
        watch::sample::Sample,
    };

    fn sample(number: u64, product: &str, fault: Option<Failure>) -> Sample {
        Sample {
            seen: Observation {
                storefront: Some("3.0.0".to_owned()),
                product: Some(product.to_owned()),
                latency: Duration::from_millis(9),
                product_latency: Some(Duration::from_millis(2)),
                fault,
            },
            storefront_pod: Some("cart-1".to_owned()),
            product_pod: Some(format!("{product}-pod")),
            is_answered: true,
            number: Some(number),
        }
    }

    fn unanswered() -> Sample {
        let fault = Some(Failure::Storefront("no connection".to_owned()));
        let seen =
            Observation { storefront: Some(NOBODY.to_owned()), product: None, ..sample(0, "", fault).seen };
        Sample { seen, storefront_pod: None, product_pod: None, is_answered: false, number: None }
    }

    /// Twenty samples a second, each made of its number.
    fn watch(
        watched: &mut Watched,
        seconds: std::ops::Range<u64>,
        sample: impl Fn(u64) -> Sample,
    ) -> Duration {
        for n in seconds.start * 20..seconds.end * 20 {
            let at = Duration::from_millis(n * 50);
            watched.add(at, sample(n));
            watched.notice(at);
        }
        Duration::from_secs(seconds.end)
    }

    /// A canary of a quarter after ten seconds of 1.0.3 alone.
    fn canary() -> (Watched, Duration) {
        let mut watched = Watched::new();
        watch(&mut watched, 0..10, |n| sample(n, "1.0.3", None));
        let now =
            watch(&mut watched, 10..20, |n| sample(n, if n % 4 == 0 { "2.0.1" } else { "1.0.3" }, None));
        (watched, now)
    }

    fn drawn(watched: &mut Watched, screen: Screen<'_>, width: u16, height: u16) -> Buffer {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| screen.draw(frame, watched)).unwrap();
        terminal.backend().buffer().clone()
    }

    fn text(buffer: &Buffer) -> String {
        let lines = buffer.content().chunks(buffer.area().width.into());
        lines
            .map(|line| line.iter().map(Cell::symbol).collect::<String>().trim_end().to_owned() + "\n")
            .collect()
    }

    fn screen(now: Duration) -> Screen<'static> {
        Screen { url: "http://localhost:3000/", now, is_paused: false, is_coloured: true }
    }

    #[test]
    fn canary_is_told_in_eighty_columns() {
        let (mut watched, now) = canary();
        let picture = text(&drawn(&mut watched, screen(now), 80, 24));
        for part in [
            "0 lost   400 samples in 00:20",
            "● 2.0.1             25 % ██████                       2.0      2.0       0     1",
            "■ 1.0.3             75 % ██████████████",
            "■■■●■■■●",
            "00:10 + Product service 2.0.1 appeared",
            "↗ Product service 2.0.1 rose to about 25 %",
            "↘ Product service 1.0.3 fell to about 75 %",
            "q quit   r count lost from now   p pause",
        ] {
            assert!(picture.contains(part), "{part} in\n{picture}");
        }
        assert!(!picture.contains("gone"), "{picture}");
    }

    #[test]
    fn release_that_no_longer_answers_is_gone_and_the_other_has_all() {
        let (mut watched, _) = canary();
        let now = watch(&mut watched, 20..30, |n| sample(n, "2.0.1", None));
        let picture = text(&drawn(&mut watched, screen(now), 80, 24));
        assert!(picture.contains("− Product service 1.0.3 is gone"), "{picture}");
        assert!(
            picture.contains("● 2.0.1            100 %") && picture.contains("■ 1.0.3              0 %"),
            "{picture}"
        );
    }

    #[test]
    fn errors_are_crossed_out_counted_and_told_once() {
        let mut watched = Watched::new();
        let error = |n: u64| n.is_multiple_of(10).then(|| Failure::Product("status 500".to_owned()));
        let now = watch(&mut watched, 0..5, |n| sample(n, "2.0.2-errors", error(n)));
        let picture = text(&drawn(&mut watched, screen(now), 80, 24));
        assert!(picture.contains("10 lost") && picture.contains("✗▲▲▲▲▲▲▲▲▲✗"), "{picture}");
        assert!(picture.contains("▒▒▒"), "what is bad on purpose is hatched: {picture}");
        assert_eq!(picture.matches("errors began (status 500)").count(), 1, "{picture}");
        watched.reset();
        assert!(text(&drawn(&mut watched, screen(now), 80, 24)).contains("0 lost"));
    }

    #[test]
    fn closed_shop_loses_no_requests_unless_it_opens_again() {
        let mut watched = Watched::new();
        watch(&mut watched, 0..5, |n| sample(n, "2.0.1", None));
        let now = watch(&mut watched, 5..10, |_| unanswered());
        let picture = text(&drawn(&mut watched, screen(now), 80, 24));
        assert!(picture.contains("0 lost") && picture.contains("THE SHOP IS CLOSED"), "{picture}");
        assert!(picture.contains("✗ no answer"), "{picture}");
        let now = watch(&mut watched, 10..11, |n| sample(n, "2.0.1", None));
        let picture = text(&drawn(&mut watched, screen(now), 80, 24));
        assert!(picture.contains("100 lost") && !picture.contains("CLOSED"), "{picture}");
    }

    #[test]
    fn samples_that_are_shared_count_once() {
        let mut watched = Watched::new();
        let now =
            watch(&mut watched, 0..2, |n| sample(n / 2, "2.0.1", Some(Failure::Product("x".to_owned()))));
        assert_eq!((watched.lost(), watched.marks(Service::Product, 100).len()), (20, 20));
        assert_eq!(watched.releases(Service::Storefront, now)[0].figures.answers(), 40);
    }

    #[test]
    fn small_windows_keep_the_releases() {
        let (mut watched, now) = canary();
        let picture = text(&drawn(&mut watched, screen(now), 44, 6));
        assert!(
            picture.contains("⬢ 3.0.0            100 %") && picture.contains("● 2.0.1             25 %"),
            "{picture}"
        );
        for (width, height) in [(1, 1), (3, 2), (20, 5), (44, 6), (79, 23), (80, 24), (300, 100)] {
            drawn(&mut watched, screen(now), width, height);
            drawn(&mut Watched::new(), screen(now), width, height);
        }
    }

    #[test]
    fn pause_is_said() {
        let (mut watched, now) = canary();
        let paused = Screen { is_paused: true, ..screen(now) };
        assert!(text(&drawn(&mut watched, paused, 80, 24)).contains("PAUSED"));
    }

    #[test]
    fn releases_have_the_colours_of_the_shop_and_none_where_they_are_refused() {
        let (mut watched, now) = canary();
        let colours = |buffer: &Buffer| -> std::collections::HashSet<Color> {
            buffer.content().iter().map(|cell| cell.fg).filter(|colour| *colour != Color::Reset).collect()
        };
        let coloured = colours(&drawn(&mut watched, screen(now), 80, 24));
        assert_eq!(coloured, [39, 42, 208].map(Color::Indexed).into());
        let plain = Screen { is_coloured: false, ..screen(now) };
        assert!(colours(&drawn(&mut watched, plain, 80, 24)).is_empty());
    }
}
