package powercut

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/live-recording/liverecord/integration/faultfs"
)

// Missing names what the machine lacks; nil if nothing.
func Missing() error {
	errs := []error{faultfs.Missing()}
	if _, err := os.Stat("/dev/loop-control"); err != nil {
		errs = append(errs, fmt.Errorf("/dev/loop-control (%w)", err))
	}
	for _, program := range []string{"losetup", "mount", "mkfs.ext4", "mkfs.xfs", "e2fsck", "xfs_repair"} {
		if _, err := exec.LookPath(program); err != nil {
			errs = append(errs, fmt.Errorf("%s (make deps installs it)", program))
		}
	}
	return errors.Join(errs...)
}

// command runs a program of the system.
func command(name string, args ...string) (string, error) {
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out)), nil
}

// minSize is what mkfs accepts at least, with room for a test.
const minSize = 320 << 20

// format makes the file system.
func (d *Disk) format() error {
	var err error
	switch d.o.FS {
	case "xfs":
		_, err = command("mkfs.xfs", "-q", "-K", "-f", d.loop)
	default:
		_, err = command("mkfs.ext4", "-q", "-E", "nodiscard,lazy_itable_init=0,lazy_journal_init=0", d.loop)
	}
	return err
}

// attach makes the loop device.
func (d *Disk) attach() error {
	var err error
	d.loop, err = command("losetup", "-f", "--show", filepath.Join(d.served, diskName))
	return err
}

// mount mounts the file system with its default options: barriers are on.
func (d *Disk) mount() error {
	_, err := command("mount", "-t", d.o.FS, d.loop, d.dir)
	return err
}

// repair is what an operator does with a file system that can't be mounted.
func (d *Disk) repair() error {
	if d.o.FS == "xfs" {
		_, err := command("xfs_repair", "-L", d.loop)
		return err
	}
	_, err := command("e2fsck", "-fy", d.loop)
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() < 4 { // errors that it corrected
		return nil
	}
	return err
}

// detach unmounts and gives the loop device back.
func (d *Disk) detach() error {
	var errs []error
	if d.mounted {
		_, err := command("umount", d.dir)
		if err != nil { // somebody is still in it
			_, err = command("umount", "-l", d.dir)
		}
		errs, d.mounted = append(errs, err), false
	}
	if d.loop != "" {
		_, err := command("losetup", "-d", d.loop)
		errs, d.loop = append(errs, err), ""
	}
	return errors.Join(errs...)
}
