//! The account that PostgreSQL runs as.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use nix::unistd::{Uid, User};

use crate::error::TestbedError;

/// Who the cluster runs as: PostgreSQL refuses to run as root.
pub(crate) enum Account {
    Self_,
    Other(Box<User>),
}

impl Account {
    pub(crate) fn choose() -> Result<Self, TestbedError> {
        if !Uid::effective().is_root() {
            return Ok(Self::Self_);
        }
        for name in ["postgres", "nobody"] {
            if let Ok(Some(user)) = User::from_name(name) {
                return Ok(Self::Other(Box::new(user)));
            }
        }
        Err(TestbedError::Missing {
            program: "an account for PostgreSQL".to_owned(),
            hint: "run as another user than root, or add the user `postgres`".to_owned(),
        })
    }

    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        // The folder of the caller may be closed to the other account.
        command
            .current_dir("/")
            .env_clear()
            .env("LC_ALL", "C.UTF-8");
        if let Self::Other(user) = self {
            command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
        }
        command
    }

    /// Id of the account.
    pub(crate) fn id(&self) -> u32 {
        match self {
            Self::Self_ => Uid::effective().as_raw(),
            Self::Other(user) => user.uid.as_raw(),
        }
    }

    pub(crate) fn own(&self, path: &Path) -> Result<(), TestbedError> {
        if let Self::Other(user) = self {
            chown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw()))
                .map_err(TestbedError::file(path))?;
        }
        fs::set_permissions(path, fs::Permissions::from_mode(0o700))
            .map_err(TestbedError::file(path))
    }
}
