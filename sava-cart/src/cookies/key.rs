//! The key that signs cookies, and the file that keeps it.

use std::{
    fmt,
    io::Write as _,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::Path,
};

use anyhow::Context as _;
use sha2::{Digest as _, Sha256};

use super::random_hex;

/// The key that signs cookies. It is in no log: its `Debug` says nothing of it.
#[derive(Clone)]
pub struct Key {
    pub(super) signing: cookie::Key,
    /// What tells apart the names of cookies of different keys; `None` for a key of this process alone: with each of its
    /// starts a browser would get cookies of other names, and send them all.
    pub(super) tag: Option<String>,
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Key(…)")
    }
}

impl Key {
    /// Reads 64 bytes or more in hex or base64 (either alphabet, padded or not); white space around them is
    /// forgiven.
    ///
    /// # Errors
    /// A message that says what is taken, and nothing of what was given.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        let bytes = hex::decode(text).ok().or_else(|| decode_base64(text)).unwrap_or_default();
        if bytes.len() < 64 {
            return Err("takes 64 random bytes in hex or base64, such as `openssl rand -hex 64` prints");
        }
        Ok(Self { signing: cookie::Key::from(&bytes), tag: Some(tag(&bytes)) })
    }

    /// A key of this process alone.
    #[must_use]
    pub fn generate() -> Self {
        Self { signing: cookie::Key::generate(), tag: None }
    }

    /// The key where none was set: made once, in a file beside the `database`. Where that cannot be read or made, or
    /// there is no such file, it is a key of this process alone.
    #[must_use]
    pub fn beside(database: Option<&Path>) -> Self {
        let Some(database) = database else { return Self::generate() };
        Self::from_file(&database.with_extension("key")).unwrap_or_else(|error| {
            tracing::warn!("{error:#}: carts last until this process ends; set COOKIE_KEY");
            Self::generate()
        })
    }

    /// The key in `file`, which is made, readable for its owner only, where it is not there. Processes that do so
    /// at once get the same key.
    ///
    /// # Errors
    /// When the file can be neither read nor made, or holds no key.
    pub fn from_file(file: &Path) -> anyhow::Result<Self> {
        if !file.exists() {
            make_key_file(file)
                .with_context(|| format!("cannot make the cookie key file {}", file.display()))?;
        }
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("cannot read the cookie key file {}", file.display()))?;
        warn_if_exposed(file);
        Self::parse(&text).map_err(|_| anyhow::anyhow!("there is no key in the file {}", file.display()))
    }
}

/// A short text that says which key it is, and nothing of what it is: 32 bits of a hash of 512 random bits.
fn tag(key: &[u8]) -> String {
    let hash = Sha256::new().chain_update(b"sava: the names of cookies\0").chain_update(key).finalize();
    hex::encode(&hash[..4])
}

/// Logs a warning where others than the process can read the key file, and so could sign cookies: it names the file,
/// its mode and what to do. Not an error: a volume whose modes are not ours must not close the store.
pub fn warn_if_exposed(file: &Path) {
    // A file that cannot be looked at cannot be read either, and who reads it says so.
    let Ok(metadata) = std::fs::metadata(file) else { return };
    let is_owner = metadata.uid() == rustix::process::geteuid().as_raw();
    if let Some(exposure) = Exposure::of(metadata.mode(), is_owner) {
        tracing::warn!(
            "the cookie key file {} has mode {:04o}: {exposure}",
            file.display(),
            metadata.mode() & 0o7777
        );
    }
}

/// Who else can read a key file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exposure {
    /// A file of this process's user.
    Own,
    /// A file of another user, such as root's in a volume of Kubernetes.
    Foreign,
}

impl Exposure {
    /// `None` where nobody else can. The group of a foreign file does not count: it is how the process reads it.
    const fn of(mode: u32, is_owner: bool) -> Option<Self> {
        match is_owner {
            true if mode & 0o044 != 0 => Some(Self::Own),
            false if mode & 0o004 != 0 => Some(Self::Foreign),
            _ => None,
        }
    }
}

impl fmt::Display for Exposure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("whoever can read it can sign cookies; ")?;
        formatter.write_str(match self {
            Self::Own => "run `chmod 600` on it",
            Self::Foreign => {
                "let its owner run `chmod 640` on it (in a Secret's volume: `defaultMode: 0440`)"
            }
        })
    }
}

/// Written whole under another name and then linked, so that no reader sees half a key, and the first maker wins.
fn make_key_file(file: &Path) -> anyhow::Result<()> {
    let draft = file.with_extension(format!("key-{}", random_hex::<8>()));
    let mut options = std::fs::OpenOptions::new();
    let mut opened = options.write(true).create_new(true).mode(0o600).open(&draft)?;
    let written = opened
        .write_all(format!("{}\n", random_hex::<64>()).as_bytes())
        .and_then(|()| opened.sync_all())
        .and_then(|()| match std::fs::hard_link(&draft, file) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
            linked => linked,
        });
    std::fs::remove_file(&draft)?;
    Ok(written?)
}

/// Either alphabet, padded or not.
fn decode_base64(text: &str) -> Option<Vec<u8>> {
    use base64::{Engine as _, alphabet, engine};
    let config =
        engine::GeneralPurposeConfig::new().with_decode_padding_mode(engine::DecodePaddingMode::Indifferent);
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    [alphabet::STANDARD, alphabet::URL_SAFE]
        .iter()
        .find_map(|alphabet| engine::GeneralPurpose::new(alphabet, config).decode(&text).ok())
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;

    use super::*;

    #[test]
    fn keys_are_hex_or_base64_and_long_enough() {
        let bytes: Vec<u8> = (0..64).map(|byte| byte * 3).collect();
        let texts = [
            hex::encode(&bytes),
            hex::encode_upper(&bytes),
            format!("{}\n", hex::encode(&bytes)),
            base64::engine::general_purpose::STANDARD.encode(&bytes),
            base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&bytes),
        ];
        for text in texts {
            assert_eq!(Key::parse(&text).unwrap().signing.master(), &bytes[..], "{text}");
        }
        for text in ["", "secret", &"ab".repeat(63), &"zz".repeat(10)] {
            assert!(Key::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_key_file_is_for_the_process_alone() {
        for mode in [0o600, 0o400, 0o100_600, 0o700] {
            assert_eq!(Exposure::of(mode, true), None, "{mode:o}");
            assert_eq!(Exposure::of(mode, false), None, "{mode:o}");
        }
        for mode in [0o640, 0o604, 0o660, 0o644, 0o100_440] {
            assert_eq!(Exposure::of(mode, true), Some(Exposure::Own), "{mode:o}");
        }
        // A Secret's volume belongs to root, and the process is in its group.
        for mode in [0o440, 0o640] {
            assert_eq!(Exposure::of(mode, false), None, "{mode:o}");
        }
        assert_eq!(Exposure::of(0o644, false), Some(Exposure::Foreign));
    }

    #[test]
    fn the_key_file_is_made_once_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("sava-cart.key");
        let keys: Vec<_> = std::thread::scope(|scope| {
            let makers: Vec<_> = (0..8).map(|_| scope.spawn(|| Key::from_file(&file).unwrap())).collect();
            makers.into_iter().map(|maker| maker.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| key.signing.master() == keys[0].signing.master()));
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
        std::fs::write(&file, "damaged").unwrap();
        assert!(Key::from_file(&file).is_err());
    }
}
