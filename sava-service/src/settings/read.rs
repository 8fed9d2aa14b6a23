//! Reading settings from arguments and a lookup of variables: all mistakes at once, each naming the setting, its value
//! and what it takes.

use std::{collections::BTreeMap, ffi::OsString, fmt, process};

use clap::{
    Arg, ArgMatches, Command,
    builder::ValueParser,
    error::{ContextKind, ContextValue, ErrorKind},
};

/// Why there are no settings.
#[derive(Debug)]
pub(super) enum Wrong {
    /// What clap says: help, an unknown flag.
    Clap(clap::Error),
    /// Values that are not right.
    Mistakes(Vec<String>),
}

impl Wrong {
    /// Says it and ends the process: 0 for help, 2 for mistakes.
    pub(super) fn exit(self) -> ! {
        match self {
            Self::Clap(error) => error.exit(),
            Self::Mistakes(_) => {
                eprint!("{self}");
                process::exit(2)
            }
        }
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clap(error) => error.fmt(f),
            Self::Mistakes(mistakes) => {
                mistakes.iter().try_for_each(|mistake| writeln!(f, "error: {mistake}"))?;
                writeln!(f, "\n--help lists all settings.")
            }
        }
    }
}

/// Reads the settings of `command`; a flag goes before its variable.
pub(super) fn read(
    command: Command,
    args: impl IntoIterator<Item = OsString>,
    lookup: impl Fn(&str) -> Option<OsString>,
) -> Result<ArgMatches, Wrong> {
    let args: Vec<OsString> = args.into_iter().collect();
    let help = command.clone().mut_args(tell_of_files);
    // A setting of the service's own that is so named is not the file of a secret.
    let names: Vec<_> =
        command.get_arguments().filter_map(|arg| arg.get_env()?.to_str()).map(str::to_owned).collect();
    let mut variables = BTreeMap::new();
    let mut mistakes = Vec::new();
    let mut command = command.mut_args(|arg| {
        let Some(name) = arg.get_env().and_then(|name| name.to_str()).map(str::to_owned) else { return arg };
        let is_in_file = arg.is_hide_env_values_set() && !names.contains(&format!("{name}_FILE"));
        let value = variable(&name, is_in_file, &lookup).unwrap_or_else(|mistake| {
            mistakes.push(mistake);
            None
        });
        let arg = arg.env(None::<&'static str>);
        let Some(value) = value else { return arg };
        variables.insert(arg.get_id().to_string(), name);
        arg.default_value(value).hide_default_value(true).required(false)
    });
    loop {
        let error = match command.clone().try_get_matches_from(&args) {
            Ok(matches) if mistakes.is_empty() => return Ok(matches),
            Ok(_) => return Err(Wrong::Mistakes(mistakes)),
            Err(error) => error,
        };
        match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
                return Err(Wrong::Clap(help.try_get_matches_from(&args).err().unwrap_or(error)));
            }
            ErrorKind::ValueValidation | ErrorKind::InvalidValue => {
                // A flag without a value has none that could be let pass.
                let is_missing =
                    error.get(ContextKind::InvalidValue) == Some(&ContextValue::String(String::new()));
                let id = wrong_argument(&command, &error).filter(|_| !is_missing);
                let Some(id) = id else { return Err(Wrong::Clap(error)) };
                let arg = command.get_arguments().find(|arg| *arg.get_id() == id).expect("found just now");
                mistakes.push(mistake(arg, variables.get(&id), &error));
                // It has been named: from here on any value does, so that the next mistake is found.
                command = command.mut_arg(id, |arg| arg.value_parser(ValueParser::os_string()));
            }
            _ => return Err(Wrong::Clap(error)),
        }
    }
}

/// Whether `--release help` is among the arguments.
pub(super) fn asks_for_releases(args: impl IntoIterator<Item = OsString>) -> bool {
    let args: Vec<OsString> = args.into_iter().collect();
    let is_asked = |pair: &[OsString]| pair[0] == "--release" && pair[1] == "help";
    args.iter().any(|arg| arg == "--release=help") || args.windows(2).any(is_asked)
}

/// The value of a variable, or for a secret of the file that `NAME_FILE` names. Empty is unset.
fn variable(
    name: &str,
    is_secret: bool,
    lookup: impl Fn(&str) -> Option<OsString>,
) -> Result<Option<OsString>, String> {
    let set = |name: &str| lookup(name).filter(|value| !value.is_empty());
    let value = set(name);
    let file_name = format!("{name}_FILE");
    let Some(path) = Some(&file_name).filter(|_| is_secret).and_then(|name| set(name)) else {
        return Ok(value);
    };
    if value.is_some() {
        return Err(format!("{name} and {file_name} are both set: one of them is enough"));
    }
    let path = std::path::Path::new(&path);
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("{file_name}={}: takes a file that can be read: {error}", path.display()))?;
    match text.trim_end_matches(['\r', '\n']) {
        "" => Err(format!("{file_name}={}: the file is empty", path.display())),
        value => Ok(Some(value.into())),
    }
}

/// The argument that an error is about, if it is one of the command itself.
fn wrong_argument(command: &Command, error: &clap::Error) -> Option<String> {
    let ContextValue::String(shown) = error.get(ContextKind::InvalidArg)? else { return None };
    let mut command = command.clone();
    // Only a built command shows its arguments as its errors do.
    command.build();
    let argument = command.get_arguments().find(|arg| arg.to_string() == *shown)?;
    Some(argument.get_id().to_string())
}

fn mistake(arg: &Arg, variable: Option<&String>, error: &clap::Error) -> String {
    let value = match error.get(ContextKind::InvalidValue) {
        _ if arg.is_hide_env_values_set() => "…",
        Some(ContextValue::String(value)) => value,
        _ => "",
    };
    let flag = arg.get_long().map_or_else(|| arg.to_string(), |long| format!("--{long}"));
    let setting = match (variable, arg.get_long()) {
        (Some(variable), Some(_)) => format!("{variable}={value} ({flag})"),
        (Some(variable), None) => format!("{variable}={value}"),
        (None, _) => format!("{flag} {value}"),
    };
    let takes = match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(values)) => format!("takes one of {}", values.join(", ")),
        _ => std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string),
    };
    format!("{setting}: {takes}")
}

/// A secret's help says that it may stand in a file.
fn tell_of_files(arg: Arg) -> Arg {
    if !arg.is_hide_env_values_set() {
        return arg;
    }
    let Some(name) = arg.get_env().map(|name| name.to_string_lossy().into_owned()) else { return arg };
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    arg.help(format!("{help}; or in the file that {name}_FILE names"))
}

#[cfg(test)]
mod tests {
    use std::{io::Write as _, time::Duration};

    use clap::{CommandFactory as _, FromArgMatches as _, Parser};

    use super::*;
    use crate::settings::ServiceSettings;

    #[derive(Parser)]
    #[command(name = "shop")]
    struct Settings {
        #[command(flatten)]
        server: ServiceSettings,

        /// Signs things
        #[arg(long, env = "COOKIE_KEY", hide_env_values = true, value_parser = key)]
        cookie_key: Option<String>,
    }

    fn key(text: &str) -> Result<String, String> {
        if text.len() == 4 { Ok(text.to_owned()) } else { Err("takes 4 letters".to_owned()) }
    }

    fn settings(args: &[&str], variables: &[(&str, &str)]) -> Result<Settings, String> {
        let command = Settings::command()
            .mut_arg("listen", |arg| arg.default_value("0.0.0.0:8080").required(false))
            .mut_arg("admin_listen", |arg| arg.default_value("127.0.0.1:8081").required(false));
        let args = ["shop"].iter().chain(args).map(Into::into);
        let lookup = |name: &str| {
            variables.iter().find(|(variable, _)| *variable == name).map(|(_, value)| value.into())
        };
        let matches = read(command, args, lookup).map_err(|wrong| wrong.to_string())?;
        Ok(Settings::from_arg_matches(&matches).unwrap())
    }

    #[track_caller]
    fn wrong(args: &[&str], variables: &[(&str, &str)]) -> String {
        settings(args, variables).err().expect("a mistake")
    }

    #[test]
    fn flags_go_before_variables_before_defaults() {
        let read = settings(&["--drain-timeout", "1m"], &[("DRAIN_TIMEOUT", "2m"), ("SHUTDOWN_DELAY", "5s")])
            .unwrap();
        assert_eq!(read.server.drain_timeout, Duration::from_mins(1));
        assert_eq!(read.server.shutdown_delay, Duration::from_secs(5));
        assert_eq!(read.server.max_connection_age, Duration::from_secs(5));
        assert_eq!(read.server.max_body.as_u64(), 16 * 1024);
        assert_eq!(read.server.listen.port(), 8080);
    }

    #[test]
    fn empty_variable_is_unset() {
        let read = settings(&[], &[("DRAIN_TIMEOUT", ""), ("LOG_FORMAT", ""), ("COOKIE_KEY", "")]).unwrap();
        assert_eq!(read.server.drain_timeout, Duration::from_secs(8));
        assert_eq!(read.server.log_format, None);
        assert_eq!(read.cookie_key, None);
    }

    #[test]
    fn all_mistakes_are_named_at_once() {
        let message = wrong(
            &["--max-in-flight", "many"],
            &[
                ("LISTEN", "8080"),
                ("LOG_FORMAT", "xml"),
                ("RUST_LOG", "info,sava=loud"),
                ("MAX_BODY", "big"),
                ("FAULT_ERROR_RATE", "2"),
            ],
        );
        for part in [
            "--max-in-flight many: takes a whole number",
            "LISTEN=8080 (--listen): takes an address and a port",
            "LOG_FORMAT=xml (--log-format): takes one of text, json",
            "RUST_LOG=info,sava=loud (--log-levels): takes a level",
            "MAX_BODY=big (--max-body): takes a size",
            "FAULT_ERROR_RATE=2 (--fault-error-rate): takes a share of requests",
        ] {
            assert!(message.contains(part), "{part} in {message}");
        }
    }

    #[test]
    fn flag_without_its_value_is_named() {
        let message = wrong(&["--drain-timeout"], &[]);
        assert!(message.contains("a value is required for '--drain-timeout <DRAIN_TIMEOUT>'"), "{message}");
    }

    #[test]
    fn releases_are_asked_for_by_either_form_of_the_flag() {
        let asks = |args: &[&str]| asks_for_releases(args.iter().map(Into::into));
        assert!(asks(&["shop", "--release", "help"]) && asks(&["shop", "--release=help"]));
        assert!(!asks(&["shop", "--release", "3.0.0", "help"]) && !asks(&["shop", "--release"]));
    }

    #[test]
    fn unknown_flags_are_named() {
        assert!(wrong(&["--colour", "red"], &[]).contains("--colour"));
    }

    #[test]
    fn secrets_are_read_from_files() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file, "abcd").unwrap();
        let path = file.path().to_str().unwrap();
        assert_eq!(settings(&[], &[("COOKIE_KEY_FILE", path)]).unwrap().cookie_key.as_deref(), Some("abcd"));
        assert!(wrong(&[], &[("COOKIE_KEY_FILE", path), ("COOKIE_KEY", "abcd")]).contains("both"));
        assert!(wrong(&[], &[("COOKIE_KEY_FILE", "/nowhere/key")]).contains("COOKIE_KEY_FILE=/nowhere/key"));
        // Not a secret: read from its variable alone.
        assert!(settings(&[], &[("LISTEN_FILE", "/nowhere")]).is_ok());
    }

    #[test]
    fn secrets_are_in_no_message() {
        let message = wrong(&[], &[("COOKIE_KEY", "hunter2")]);
        assert!(message.contains("COOKIE_KEY=… (--cookie-key): takes 4 letters"), "{message}");
        let help = wrong(&["--help"], &[("COOKIE_KEY", "abcd")]);
        assert!(!help.contains("abcd") && help.contains("COOKIE_KEY_FILE"), "{help}");
    }

    #[test]
    fn help_is_grouped_and_names_variables() {
        let help = wrong(&["--help"], &[]);
        for part in
            ["Server:", "Life:", "Limits:", "Faults on purpose:", "MAX_CONNECTION_AGE", "[default: 16KiB]"]
        {
            assert!(help.contains(part), "{part} in {help}");
        }
    }
}
