//! Giving up every right that a run beneath one root does not need.
//!
//! For a process that serves one client and then ends: with Landlock (landlock(7)) it opens,
//! makes and removes nothing outside of its root any more, listens and connects nowhere, and of a
//! super-user's capabilities (capabilities(7)) only those stay that concern files. Where the
//! kernel lacks any of it, that part is left out: the root guards itself without it.

use std::sync::atomic::{AtomicBool, Ordering};

use super::Root;

/// Memory is shared with a container that may have next to none.
static MEMORY_IS_SCARCE: AtomicBool = AtomicBool::new(false);

/// True once this process writes in somebody else's place.
pub(super) fn is_memory_scarce() -> bool {
    MEMORY_IS_SCARCE.load(Ordering::Relaxed)
}

/// What happens beneath the root from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Files and directories are read.
    Read,
    /// The same, and also where the links of a source lead that are followed.
    ReadAnywhere,
    /// Everything is.
    Write,
}

impl Root {
    /// Confines the calling thread, and all that it starts from now on, to this root. There is no
    /// way back.
    pub fn confine(&self, access: Access) {
        if access == Access::Write {
            MEMORY_IS_SCARCE.store(true, Ordering::Relaxed);
        }
        #[cfg(target_os = "linux")]
        {
            linux::drop_capabilities(access);
            #[cfg(feature = "landlock")]
            // Without it the root is as confined as it is on every other system.
            let _ = linux::stay_beneath(self, access);
        }
        #[cfg(not(target_os = "linux"))]
        let _ = access;
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities};

    use super::Access;

    /// Rights over files of any owner. Preserving owners, times and modes takes the rest of them.
    pub(super) fn drop_capabilities(access: Access) {
        let mut kept =
            CapabilitySet::DAC_OVERRIDE | CapabilitySet::DAC_READ_SEARCH | CapabilitySet::FOWNER;
        if access == Access::Write {
            kept |= CapabilitySet::CHOWN | CapabilitySet::FSETID | CapabilitySet::MKNOD;
        }
        // An ordinary user has none, and nothing to lose.
        if let Ok(now) = capabilities(None) {
            let _ = set_capabilities(
                None,
                CapabilitySets {
                    effective: now.effective & kept,
                    permitted: now.permitted & kept,
                    inheritable: CapabilitySet::empty(),
                },
            );
        }
    }

    #[cfg(feature = "landlock")]
    pub(super) fn stay_beneath(
        root: &super::Root,
        access: Access,
    ) -> Result<(), Box<dyn std::error::Error>> {
        use landlock::{
            ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible, PathBeneath, PathFd,
            Ruleset, RulesetAttr, RulesetCreatedAttr, Scope,
        };

        /// Names and numbers of users and groups are looked up here.
        const ACCOUNTS: [&str; 2] = ["/etc/passwd", "/etc/group"];

        const NEWEST: ABI = ABI::V6;
        let read = AccessFs::ReadFile | AccessFs::ReadDir;
        let mut rules = Ruleset::default()
            // Before this right could be given, nothing could be moved between two directories.
            .set_compatibility(CompatLevel::HardRequirement)
            .handle_access(AccessFs::Refer)?
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(NEWEST))?
            .handle_access(AccessNet::from_all(NEWEST))?
            .scope(Scope::from_all(NEWEST))?
            .create()?;
        let top = root.top().fd();
        rules = match access {
            Access::Read => rules.add_rule(PathBeneath::new(top, read))?,
            Access::ReadAnywhere => rules.add_rule(PathBeneath::new(PathFd::new("/")?, read))?,
            Access::Write => {
                let nothing_executed = AccessFs::from_all(NEWEST) & !AccessFs::Execute;
                rules.add_rule(PathBeneath::new(top, nothing_executed))?
            }
        };
        for path in ACCOUNTS {
            if let Ok(file) = PathFd::new(path) {
                rules = rules.add_rule(PathBeneath::new(file, AccessFs::ReadFile))?;
            }
        }
        rules.restrict_self()?;
        Ok(())
    }
}
