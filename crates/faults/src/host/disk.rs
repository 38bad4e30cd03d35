//! A small disk of its own for the data: ext4 in a file, or memory where files cannot be mounted.
//!
//! This program runs in a mount namespace of its own (see `main`), so that mounts end with it however it ends, and loop
//! devices with the mounts.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use rustix::fs::FallocateFlags;

use super::Skipped;
use crate::process::run;

/// `EXT4_IOC_SHUTDOWN` with `EXT4_GOING_FLAGS_NOLOGFLUSH`: from now on nothing reaches the disk, not even the journal,
/// as when the power is cut. Perl, which every Debian has, because an ioctl is not to be had without `unsafe` here.
const CUT: &str = "open(my $f, '<', $ARGV[0]) or die \"open: $!\"; my $flag = pack('L', 2); \
                   ioctl($f, 0x8004587d, $flag) or die \"ioctl: $!\";";

/// A mounted disk.
pub(crate) struct Disk {
    /// Its file; none in memory.
    image: Option<PathBuf>,
    mounted: PathBuf,
}

impl Disk {
    /// Makes and mounts an ext4 of so many MiB.
    pub(crate) fn ext4(folder: &Path, mib: u64) -> Result<Self> {
        let (image, mounted) = (folder.join("disk.img"), folder.join("disk"));
        fs::create_dir_all(&mounted)?;
        File::create(&image)?.set_len(mib * 1024 * 1024)?;
        let made = run(Command::new("mkfs.ext4").args(["-q", "-F", "-m", "0"]).arg(&image));
        made.map_err(|error| Skipped(format!("no ext4 can be made: {error:#}")))?;
        let disk = Self { image: Some(image), mounted };
        disk.mount().map_err(|error| Skipped(format!("a file cannot be mounted: {error:#}")))?;
        Ok(disk)
    }

    /// The same, or a disk in memory of that size.
    pub(crate) fn any(folder: &Path, mib: u64) -> Result<Self> {
        if let Ok(disk) = Self::ext4(folder, mib) {
            return Ok(disk);
        }
        let mounted = folder.join("disk");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={mib}m"), "causerie-faults"]).arg(&mounted);
        run(&mut mount).map_err(|error| Skipped(format!("nothing can be mounted: {error:#}")))?;
        Ok(Self { image: None, mounted })
    }

    /// Where it is mounted.
    pub(crate) fn path(&self) -> &Path {
        &self.mounted
    }

    fn mount(&self) -> Result<()> {
        if let Some(image) = &self.image {
            run(Command::new("mount").args(["-t", "ext4", "-o", "loop"]).arg(image).arg(&self.mounted))?;
        }
        Ok(())
    }

    /// Cuts the power: what is not on the disk now never comes there, and everything fails from here on.
    pub(crate) fn cut(&self) -> Result<()> {
        let cut = run(Command::new("perl").args(["-e", CUT]).arg(&self.mounted));
        cut.map_err(|error| Skipped(format!("the power cannot be cut: {error:#}")))?;
        Ok(())
    }

    /// Takes the disk off and mounts it again, as a machine does that starts. Nobody may use it.
    pub(crate) fn remount(&self) -> Result<()> {
        run(Command::new("umount").arg(&self.mounted))?;
        self.mount()
    }

    /// Whether nothing can be written to it, as after [`cut`](Self::cut).
    pub(crate) fn is_cut(&self) -> bool {
        let probe = self.mounted.join("probe");
        let written = File::create(&probe).and_then(|mut file| file.write_all(b"x"));
        // What could be made can be removed, unless the disk was cut in between.
        let _ = fs::remove_file(probe);
        written.is_err()
    }

    /// Space that is free, in bytes.
    pub(crate) fn free(&self) -> Result<u64> {
        let of = rustix::fs::statvfs(&self.mounted)?;
        Ok(of.f_bavail * of.f_frsize)
    }

    /// Takes space until only so much is free.
    pub(crate) fn fill(&self, leave: u64) -> Result<()> {
        let ballast = File::create(self.mounted.join("ballast"))?;
        let bytes = self.free()?.saturating_sub(leave);
        rustix::fs::fallocate(&ballast, FallocateFlags::empty(), 0, bytes).context("taking space")?;
        ensure!(self.free()? < leave + leave / 2, "the disk does not get full");
        Ok(())
    }

    /// Gives the space back.
    pub(crate) fn relieve(&self) -> Result<()> {
        fs::remove_file(self.mounted.join("ballast")).context("the ballast")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily, if somebody still looks: the namespace ends with this program.
        if run(Command::new("umount").arg(&self.mounted)).is_err() {
            let _ = run(Command::new("umount").arg("--lazy").arg(&self.mounted));
        }
    }
}
