package shellcheck

import "strings"

// effect judges what a program would do with its arguments.
type effect func(c *checker, args []string, s *state)

// effects by the program's name; they are set at start because some of them follow commands, which looks effects up.
var effects map[string]effect

func init() {
	effects = map[string]effect{
		"chmod": mode, "chown": mode, "chgrp": mode, "chattr": mode, "setfacl": each("m x M X", (*checker).permit),
		"cp": copies, "install": copies, "scp": copies, "mv": mv, "ln": ln, "link": ln, "rsync": rsync, "dd": dd, "sed": sed,
		"curl": curl, "wget": wget, "tar": tar, "bsdtar": tar, "unzip": into("-d"), "sort": into("-o", "--output"), "patch": into("-o", "--output"),
		"rm": each("", (*checker).remove), "rmdir": each("", (*checker).remove), "unlink": each("", (*checker).remove),
		"shred": each("n s iterations size random-source", (*checker).remove), "srm": each("", (*checker).remove), "wipe": each("", (*checker).remove),
		"truncate": each("s r size reference", (*checker).write), "tee": each("", (*checker).write), "sponge": each("", (*checker).write),
		"fallocate": each("l o length offset", (*checker).write), "ed": each("p", (*checker).write), "ex": each("c", (*checker).write),
		"gzip": each("S", (*checker).write), "gunzip": each("S", (*checker).write), "bzip2": each("", (*checker).write), "xz": each("T", (*checker).write),
		"kill": kill, "fuser": fuser, "init": runlevel, "telinit": runlevel, "systemctl": serviceControl, "service": serviceControl,
		"git": git, "nc": netcat, "ncat": netcat, "netcat": netcat, "socat": netcat,
		"awk": interpreter, "gawk": interpreter, "mawk": interpreter, "nawk": interpreter,
	}
	for kind, of := range map[Kind]map[string]string{
		Permissions: {"changes the users of the machine": "usermod userdel useradd groupadd groupdel passwd chpasswd visudo"},
		Kill:        {"ends processes by their name": "pkill killall killall5 skill xkill", "stops the machine": "shutdown reboot halt poweroff"},
		Device: {"works on devices, file systems or the kernel": "mkfs mkfs.ext2 mkfs.ext3 mkfs.ext4 mkfs.xfs mkfs.btrfs mkfs.vfat mkfs.fat mke2fs wipefs fdisk sfdisk sgdisk gdisk cfdisk parted " +
			"mkswap swapoff blkdiscard hdparm dmsetup losetup mount umount lvremove vgremove pvremove cryptsetup debugfs insmod rmmod modprobe sysctl"},
	} {
		for why, names := range of {
			for name := range strings.FieldsSeq(names) {
				effects[name] = always(kind, why)
			}
		}
	}
	for name := range strings.FieldsSeq("python python2 python3 perl ruby node nodejs php lua deno bun") {
		effects[name] = interpreter
	}
}

// always is a program that has no ordinary use for a subagent.
func always(kind Kind, why string) effect {
	return func(c *checker, args []string, _ *state) {
		if len(args) == 1 && (args[0] == "--help" || args[0] == "--version") {
			return
		}
		c.flag(kind, "%s", why)
	}
}

// each is a program that does the same to every operand.
func each(valued string, judge func(*checker, *state, string)) effect {
	return func(c *checker, args []string, s *state) {
		_, operands := parse(args, valued)
		for _, name := range operands {
			judge(c, s, name)
		}
	}
}

// into is a program that writes only where one of these options says.
func into(names ...string) effect {
	valued := strings.Join(names, " ")
	valued = strings.NewReplacer("--", "", "-", "").Replace(valued) + " k t S T x p i"
	return func(c *checker, args []string, s *state) {
		given, _ := parse(args, valued)
		for _, target := range given.values(names...) {
			c.write(s, target)
		}
	}
}

// mode changes the permissions or the owner of files: the first operand says how, unless an option does.
func mode(c *checker, args []string, s *state) {
	given, operands := parse(args, "reference from")
	if !given.has("--reference") && len(operands) > 0 {
		operands = operands[1:]
	}
	for _, name := range operands {
		c.permit(s, name)
	}
}
