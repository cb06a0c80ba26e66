-- SPDX-License-Identifier: GPL-2.0-or-later
-- The store of an experiment. A public interface: docs/database.md explains each column.
-- Columns may be added, never renamed or removed. Times are integer nanoseconds.

CREATE TABLE experiment (
	key TEXT PRIMARY KEY,
	value
) WITHOUT ROWID;

CREATE TABLE run (
	id INTEGER PRIMARY KEY,
	guest TEXT NOT NULL,
	cores INTEGER NOT NULL,
	scenario TEXT NOT NULL,
	repetition INTEGER NOT NULL,
	position INTEGER NOT NULL,
	accel TEXT NOT NULL,
	status TEXT NOT NULL,		-- ok, failed
	error TEXT,			-- why, where it failed
	start_ns INTEGER,		-- host CLOCK_MONOTONIC, when the stack was let go
	end_ns INTEGER,
	boot_ns INTEGER,		-- start to the program's first marker
	runtime_ns INTEGER,		-- first marker to the end marker, host time
	guest_runtime_ns INTEGER,	-- the same by the program's own clock
	lost_events INTEGER NOT NULL DEFAULT 0,
	closed INTEGER,			-- 1: every lane and phase sums to wall within 0.1 % and nothing was lost
	audited INTEGER,		-- 1: books and independent clocks agree within their bound
	residual_ns INTEGER,		-- sum over lanes and phases of |wall - sum of states|
	start_utc TEXT,			-- wall-clock time of the start, ISO 8601
	split TEXT,			-- sampled or exact: how user and kernel time were told apart
	frequency_hz INTEGER,
	command TEXT,			-- JSON array: the stack's command line
	raster_sha256 TEXT,		-- of the picture, where the program reported it
	block INTEGER,			-- which randomised block, from 1; 0: a warm-up before the first
	counted INTEGER NOT NULL DEFAULT 1,	-- 0: a warm-up: measured and kept, part of no statistic
	label TEXT NOT NULL DEFAULT '',	-- tells apart cells that are the same but for it: a, b of an A/A control
	variant TEXT			-- of --variant; NULL: there are none
);

CREATE TABLE phase (
	run INTEGER NOT NULL REFERENCES run(id),
	name TEXT NOT NULL,
	start_ns INTEGER NOT NULL,
	end_ns INTEGER NOT NULL
);

CREATE TABLE boot_step (
	run INTEGER NOT NULL REFERENCES run(id),
	position INTEGER NOT NULL,	-- from 0, in order of time; the steps of a run follow each other without a gap
	name TEXT NOT NULL,		-- process start, QEMU set-up, firmware, kernel, init, program, ...
	start_ns INTEGER NOT NULL,	-- host CLOCK_MONOTONIC
	end_ns INTEGER NOT NULL,
	source TEXT NOT NULL		-- what marks its end: exec, guest code, console, sample, marker, ...
);

CREATE TABLE account (
	run INTEGER NOT NULL REFERENCES run(id),
	phase TEXT NOT NULL,
	lane INTEGER NOT NULL,		-- 0..N-1; -1: helpers (state "helper", detail the thread's name)
	state TEXT NOT NULL,
	detail TEXT NOT NULL,		-- may be empty
	ns INTEGER NOT NULL,
	exact INTEGER NOT NULL,		-- 1 from events, 0 split by samples
	samples INTEGER,		-- where exact = 0: how many samples stand behind the split of this lane and phase
	count INTEGER,			-- how many intervals or events (switches, interrupts, exits), where known
	taken_by TEXT			-- of preempted: lane (another lane of the stack), helper, collector, other; else NULL
);

CREATE TABLE audit (
	run INTEGER NOT NULL REFERENCES run(id),
	phase TEXT NOT NULL,
	lane INTEGER NOT NULL,
	what TEXT NOT NULL,		-- cpu_time, run_delay, threads_cpu_time, threads_run_delay, cgroup_usage, cgroup_throttled, guest_clock
	books_ns INTEGER NOT NULL,
	other_ns INTEGER NOT NULL,
	bound_ns INTEGER		-- largest difference that counts as agreement
);

CREATE TABLE timeline (			-- changes of the lanes' states, in blocks
	run INTEGER NOT NULL REFERENCES run(id),
	phase TEXT NOT NULL,
	lane INTEGER NOT NULL,
	begin_ns INTEGER NOT NULL,	-- host CLOCK_MONOTONIC; a lane's blocks follow each other without a gap
	end_ns INTEGER NOT NULL,
	intervals INTEGER NOT NULL,	-- that are in it one by one
	merged INTEGER NOT NULL,	-- others, that are in it as time by state
	merged_ns INTEGER NOT NULL,	-- their length
	lost_ns INTEGER NOT NULL,	-- time of which nothing is known
	data BLOB NOT NULL		-- docs/database.md
);

CREATE TABLE timeline_detail (		-- what the numbers in timeline.data mean
	run INTEGER NOT NULL REFERENCES run(id),
	id INTEGER NOT NULL,
	state TEXT NOT NULL,		-- as of account; oncpu: on a CPU, which account tells apart by samples
	detail TEXT NOT NULL,		-- likewise
	taken_by TEXT			-- likewise
);

CREATE TABLE counter (
	run INTEGER NOT NULL REFERENCES run(id),
	lane INTEGER NOT NULL,
	name TEXT NOT NULL,
	value INTEGER,			-- scaled where multiplexed; NULL: not counted
	enabled_ns INTEGER,
	running_ns INTEGER
);

CREATE TABLE thread (			-- of a program whose lanes are CPUs
	run INTEGER NOT NULL REFERENCES run(id),
	id INTEGER NOT NULL,		-- from 0, by CPU time
	threads INTEGER NOT NULL,	-- 1; more: what came after very many, summed
	pid INTEGER NOT NULL,
	process INTEGER NOT NULL,
	parent INTEGER,			-- the process that made it; NULL: the program's first thread
	name TEXT NOT NULL,
	start_ns INTEGER NOT NULL,	-- host CLOCK_MONOTONIC
	end_ns INTEGER NOT NULL,
	cpu_ns INTEGER NOT NULL,
	wait_ns INTEGER NOT NULL,	-- for a CPU
	wait_siblings_ns INTEGER NOT NULL,	-- of that, while others of the program ran on it
	blocked_ns INTEGER NOT NULL,
	switches INTEGER NOT NULL,
	migrations INTEGER NOT NULL
);

CREATE TABLE thread_blocked (		-- a thread's first causes to sleep
	run INTEGER NOT NULL REFERENCES run(id),
	thread INTEGER NOT NULL,	-- thread.id
	detail TEXT NOT NULL,		-- as of account, state blocked
	ns INTEGER NOT NULL
);

CREATE TABLE frame (
	id INTEGER PRIMARY KEY,
	side TEXT NOT NULL,		-- kernel, user, boundary, guest-kernel, guest-user
	module TEXT NOT NULL,		-- file name of the ELF, [kernel], module name; may be empty
	symbol TEXT NOT NULL,		-- function, or module+0xoffset where unknown
	file TEXT,
	line INTEGER,
	inlined INTEGER NOT NULL DEFAULT 0	-- 1: put into the parent's function by the compiler
);

CREATE TABLE stack (
	id INTEGER PRIMARY KEY,
	parent INTEGER REFERENCES stack(id),	-- NULL: the outermost frame
	frame INTEGER NOT NULL REFERENCES frame(id)
);

CREATE TABLE sample (
	run INTEGER NOT NULL REFERENCES run(id),
	phase TEXT NOT NULL,
	lane INTEGER NOT NULL,		-- -1: a helper thread
	thread TEXT NOT NULL,
	kind TEXT NOT NULL,		-- oncpu, offcpu, exits
	stack INTEGER REFERENCES stack(id),
	weight_ns INTEGER NOT NULL,
	count INTEGER NOT NULL DEFAULT 1,
	guest_thread INTEGER,		-- FS base of the guest thread, where the guest was looked into
	number INTEGER,			-- counts the rows of a run from 0: what sample_time refers to
	guest_name TEXT			-- of the guest's thread, by its own scheduler (OSv); NULL: not known
);

CREATE TABLE sample_time (		-- when samples were taken, in blocks
	run INTEGER NOT NULL REFERENCES run(id),
	lane INTEGER NOT NULL,		-- -1: helper threads
	begin_ns INTEGER NOT NULL,	-- host CLOCK_MONOTONIC, of the first
	samples INTEGER NOT NULL,
	data BLOB NOT NULL		-- docs/database.md
);

CREATE TABLE metric (			-- numbers in the program's output
	run INTEGER NOT NULL REFERENCES run(id),
	name TEXT NOT NULL,
	value REAL,			-- the last that matched; NULL: none did
	better TEXT			-- higher, lower; NULL: neither was said to be
);

CREATE TABLE distribution (		-- what a kernel of the workload noise found on a worker
	run INTEGER NOT NULL REFERENCES run(id),
	kernel TEXT NOT NULL,		-- fwq, ftq, detour, switch, ...
	worker INTEGER NOT NULL,
	n INTEGER NOT NULL,		-- values; their sum, minimum and maximum are exact
	sum_ns INTEGER NOT NULL,
	min_ns INTEGER NOT NULL,
	max_ns INTEGER NOT NULL,
	time_ns INTEGER NOT NULL,	-- how long was measured
	lost_ns INTEGER,		-- of that, what noise took; NULL: not said of this kernel
	quantum_ns INTEGER,		-- of fixed quanta; NULL: there are none
	threshold_ns INTEGER		-- above which a gap is a detour; NULL: there is none
);

CREATE TABLE distribution_bucket (	-- how many values there were, by value
	run INTEGER NOT NULL REFERENCES run(id),
	kernel TEXT NOT NULL,
	worker INTEGER NOT NULL,
	low_ns INTEGER NOT NULL,	-- both inclusive; less than 0.8 % apart, or equal below 256
	high_ns INTEGER NOT NULL,
	n INTEGER NOT NULL		-- not 0
);

CREATE TABLE distribution_largest (	-- the 16 largest values
	run INTEGER NOT NULL REFERENCES run(id),
	kernel TEXT NOT NULL,
	worker INTEGER NOT NULL,
	value_ns INTEGER NOT NULL,
	at_ns INTEGER NOT NULL		-- host CLOCK_MONOTONIC, when it was over
);

CREATE TABLE distribution_series (	-- the values of ftq in order of time
	run INTEGER NOT NULL REFERENCES run(id),
	kernel TEXT NOT NULL,
	worker INTEGER NOT NULL,
	begin_ns INTEGER NOT NULL,	-- host CLOCK_MONOTONIC, of the first value
	step_ns INTEGER NOT NULL,	-- from one to the next
	n INTEGER NOT NULL,		-- values in data, the first of them
	total INTEGER NOT NULL,		-- values that there were
	tick_ns INTEGER,		-- between timer ticks of the kernel below the program; NULL: not known
	data BLOB NOT NULL		-- ns of each value: docs/database.md
);

CREATE TABLE clock (			-- the time stamp counter that the program reads, on the host's clock
	run INTEGER NOT NULL REFERENCES run(id),
	lane INTEGER NOT NULL,
	source TEXT NOT NULL,		-- host: it is the host's own; QEMU, KVM: who tells how it differs from that
	ticks INTEGER NOT NULL,		-- what it showed ...
	at_ns INTEGER NOT NULL,		-- ... at this instant, host CLOCK_MONOTONIC, as the line through all readings has it
	ns_per_tick REAL NOT NULL,	-- slope of that line
	low_ns INTEGER NOT NULL,	-- in all readings the true instant was so far from the line: at least (negative) ...
	high_ns INTEGER NOT NULL,	-- ... and at most
	begin_ns INTEGER NOT NULL,	-- of the first reading
	end_ns INTEGER NOT NULL,	-- of the last
	readings INTEGER NOT NULL
);

CREATE TABLE detour (			-- gaps in the loop of noise's kernel detour, each with one cause
	run INTEGER NOT NULL REFERENCES run(id),
	lane INTEGER NOT NULL,
	start_ns INTEGER NOT NULL,	-- host CLOCK_MONOTONIC, by the table clock
	length_ns INTEGER NOT NULL,
	cause TEXT NOT NULL,		-- preempted, interrupt, softirq, ...: docs/database.md
	detail TEXT NOT NULL,		-- who, or which; may be empty
	taken_by TEXT,			-- of preempted: as of account; else NULL
	cause_ns INTEGER NOT NULL	-- of its length, what that cause took
);

CREATE TABLE detour_cause (		-- where the time of all detours went
	run INTEGER NOT NULL REFERENCES run(id),
	lane INTEGER NOT NULL,
	cause TEXT NOT NULL,		-- as of detour; also "not kept": detours that are in no row of it
	detail TEXT NOT NULL,
	taken_by TEXT,
	detours INTEGER NOT NULL,	-- that have it for their one cause
	ns INTEGER NOT NULL,		-- its part of all detours; these sum to the length of all
	around_ns INTEGER NOT NULL,	-- of that, the way to it and back on the lane's CPU
	sampled_ns INTEGER NOT NULL	-- of that, what was split by samples
);

CREATE TABLE output (			-- the program's output, summed up where runs are compared by it
	run INTEGER NOT NULL REFERENCES run(id),
	sha256 TEXT NOT NULL,		-- of its lines, each with a newline; empty ones left out
	lines INTEGER NOT NULL,
	bytes INTEGER NOT NULL,		-- of the lines, without newlines
	last TEXT NOT NULL,		-- the begin of the last line
	result TEXT			-- the last match of --result; NULL: none, or not asked for
);

CREATE TABLE guest_thread (
	run INTEGER NOT NULL REFERENCES run(id),
	lane INTEGER NOT NULL,
	fs_base INTEGER NOT NULL,	-- in the guest: what tells its threads apart
	samples INTEGER NOT NULL,	-- of this thread on this vCPU, but for the boot
	switches INTEGER NOT NULL,	-- times it was another thread's successor between two samples
	name TEXT			-- by the guest's own scheduler (OSv); NULL: not known
);

CREATE TABLE host_stack_end (
	run INTEGER NOT NULL REFERENCES run(id),
	module TEXT NOT NULL,		-- of the outermost frame; '' where why is root
	why TEXT NOT NULL,		-- root; or why there are no more: no unwind table, ...
	samples INTEGER NOT NULL	-- of the stack's threads in user mode or for it, but for the boot
);

CREATE TABLE guest_stack_end (
	run INTEGER NOT NULL REFERENCES run(id),
	module TEXT NOT NULL DEFAULT '', -- as in host_stack_end
	why TEXT NOT NULL,		-- root; or why the frames are not all: outside known text, ...
	samples INTEGER NOT NULL	-- of the lanes, in the guest or for it, but for the boot
);

CREATE TABLE stack_module (		-- how the samples of these two tables were walked
	run INTEGER NOT NULL REFERENCES run(id),
	side TEXT NOT NULL,		-- host, guest
	module TEXT NOT NULL,		-- as in frame
	way TEXT NOT NULL,		-- how callers of its code are found: .eh_frame, ORC, frame pointers: ...
	frames INTEGER NOT NULL		-- of its code
);

CREATE TABLE exit_sampling (		-- what stands behind the samples of kind exits, but for the boot
	run INTEGER NOT NULL REFERENCES run(id),
	detail TEXT NOT NULL,		-- the exit's reason, as of account, state kernel
	stacks INTEGER NOT NULL,	-- that were taken
	error_ns INTEGER NOT NULL	-- standard error of their time in all
);

CREATE TABLE guest_process (
	run INTEGER NOT NULL REFERENCES run(id),
	name TEXT NOT NULL,		-- as its frame in the stacks
	samples INTEGER NOT NULL,	-- of the lanes, for it, but for the boot
	user INTEGER NOT NULL		-- of these in user mode of the guest
);

CREATE TABLE guest_task (		-- the guest's threads as its own scheduler counts them, read at the begins and ends of phases
	run INTEGER NOT NULL REFERENCES run(id),
	phase TEXT NOT NULL,
	instant TEXT NOT NULL,		-- begin, end
	id INTEGER NOT NULL,		-- the guest's number of it
	process INTEGER,		-- of its process; NULL: it has none
	name TEXT NOT NULL,
	state TEXT NOT NULL,		-- running, queued, waiting, ...
	cpu INTEGER,			-- of the guest; NULL: none
	cpu_ns INTEGER NOT NULL,	-- this and what follows: since the thread began
	switches INTEGER NOT NULL,
	preemptions INTEGER NOT NULL,
	migrations INTEGER NOT NULL,
	torn INTEGER NOT NULL		-- 1: it changed while it was read
);

CREATE TABLE guest_cpu (		-- the guest's CPUs at the same instants
	run INTEGER NOT NULL REFERENCES run(id),
	phase TEXT NOT NULL,
	instant TEXT NOT NULL,		-- begin, end
	cpu INTEGER NOT NULL,
	queued INTEGER NOT NULL,	-- threads that wait for it
	thread INTEGER NOT NULL,	-- id of the one that has it
	idle INTEGER NOT NULL,		-- 1: that is its idle thread
	switches INTEGER,		-- since its boot; NULL: not counted
	torn INTEGER NOT NULL,		-- 1: it changed while it was read
	taken_ns INTEGER NOT NULL,	-- host CLOCK_MONOTONIC
	read_ns INTEGER NOT NULL	-- how long reading took
);

CREATE TABLE guest_timer (		-- the guest's armed timers at the same instants
	run INTEGER NOT NULL REFERENCES run(id),
	phase TEXT NOT NULL,
	instant TEXT NOT NULL,		-- begin, end
	address INTEGER NOT NULL,	-- in the guest
	state TEXT NOT NULL,		-- the guest's own word
	due_ns INTEGER NOT NULL,	-- by the guest's clock, from its boot
	list_cpu INTEGER,		-- the CPU in whose list it is; NULL: in none
	links_cpu INTEGER,		-- else: into whose lists its links lead; NULL: no CPU's
	expired INTEGER NOT NULL,	-- 1: in its list of those that are being told
	owner_kind TEXT,		-- thread, cpu; NULL: it has none
	owner INTEGER,			-- the thread's id, the CPU's number
	owner_name TEXT,		-- of a thread
	owner_cpu INTEGER,		-- where its owner is; NULL: not known
	owned INTEGER NOT NULL,		-- 1: its owner has it among its own
	fault TEXT,			-- what does not fit together; NULL: nothing
	torn INTEGER NOT NULL		-- 1: it changed while it was read
);

CREATE TABLE guest_timer_cpu (		-- each CPU's lists of them
	run INTEGER NOT NULL REFERENCES run(id),
	phase TEXT NOT NULL,
	instant TEXT NOT NULL,		-- begin, end
	cpu INTEGER NOT NULL,
	timers INTEGER,			-- in its lists, but for those not read to the end; this and the next two: NULL: not known
	counted INTEGER,		-- as its lists count themselves
	misfiled INTEGER,		-- of its lists: marked as empty and are not, or the reverse
	clock_ns INTEGER,		-- the guest's clock when the CPU last looked; NULL: not known
	next_ns INTEGER,		-- when it wants to be woken; NULL: never, or, with trouble, not known
	torn INTEGER NOT NULL,
	trouble TEXT			-- why its lists are not whole; NULL: they are
);

CREATE TABLE guest_book (		-- where each thread of the guest's was in a phase, by the guest's own counters and clock
	run INTEGER NOT NULL REFERENCES run(id),
	phase TEXT NOT NULL,
	id INTEGER NOT NULL,		-- the guest's number of it
	process INTEGER,		-- of its process; NULL: it has none
	cpu INTEGER,			-- of an idle thread; else NULL
	name TEXT NOT NULL,
	idle INTEGER NOT NULL,		-- 1: it runs where there is nothing to run
	running_ns INTEGER NOT NULL,	-- this and the four below sum to the phase, from its first reading to its last
	queued_ns INTEGER NOT NULL,	-- it could run, and waited for a CPU
	waiting_ns INTEGER NOT NULL,	-- for anything else
	absent_ns INTEGER NOT NULL,	-- before it began, after it ended
	unknown_ns INTEGER NOT NULL,	-- what is not known
	over_ns INTEGER NOT NULL,	-- counted beyond its time in the phase, and in none of these
	within_ns INTEGER NOT NULL,	-- running_ns may be off by this
	exact INTEGER NOT NULL,		-- 1: queued_ns is the guest's own count; 0: by readings
	readings INTEGER NOT NULL,	-- in which it was there
	queued_readings INTEGER NOT NULL,	-- of these: queued
	switches INTEGER NOT NULL,
	preemptions INTEGER NOT NULL,
	migrations INTEGER NOT NULL
);

CREATE TABLE guest_queue (		-- run queues of the guest, as samples of the lanes saw them
	run INTEGER NOT NULL REFERENCES run(id),
	phase TEXT NOT NULL,
	lane INTEGER NOT NULL,
	begin_ns INTEGER NOT NULL,	-- of the slice of time, host CLOCK_MONOTONIC
	slice_ns INTEGER NOT NULL,	-- its length, the same in all of a run
	ticks INTEGER NOT NULL,		-- samples that hit the lane
	queued INTEGER NOT NULL,	-- sum over these: threads that were queued for it
	most INTEGER NOT NULL,		-- of these at once
	lost_ticks INTEGER NOT NULL,	-- when other lanes had nothing to run, while threads were queued
	lost_ns INTEGER NOT NULL,	-- lane time that these others could have been of use in
	lost_blocked_ns INTEGER		-- of it: while they were blocked on the host; the rest: while they polled
);

CREATE TABLE guest_stuck (		-- lanes that the host made wait while threads of the guest were queued for them
	run INTEGER NOT NULL REFERENCES run(id),
	phase TEXT NOT NULL,
	lane INTEGER NOT NULL,
	ns INTEGER NOT NULL,
	count INTEGER NOT NULL		-- how often
);

CREATE TABLE row (
	run INTEGER NOT NULL REFERENCES run(id),
	task INTEGER NOT NULL,
	lane INTEGER NOT NULL,
	start_ns INTEGER NOT NULL,	-- host CLOCK_MONOTONIC, from the guest's clock and the markers
	end_ns INTEGER NOT NULL
);

CREATE TABLE worker (
	run INTEGER NOT NULL REFERENCES run(id),
	worker INTEGER NOT NULL,
	cpu INTEGER,			-- as the program sees it
	busy_ns INTEGER,		-- by the program's own clock
	tasks INTEGER,
	steals INTEGER,
	parks INTEGER
);

CREATE TABLE pin (
	run INTEGER NOT NULL REFERENCES run(id),
	lane INTEGER NOT NULL,
	planned_cpu INTEGER,		-- Linux number; NULL: the plan does not bind it
	cpus TEXT			-- that its thread was allowed, as read back: 3, or 0-3,7; NULL: not known
);

CREATE TABLE warning (
	run INTEGER,			-- NULL: about the experiment
	text TEXT NOT NULL
);

CREATE UNIQUE INDEX frame_name ON frame(symbol, module, side, file, line, inlined);
CREATE INDEX stack_parent ON stack(parent, frame);
CREATE INDEX account_run ON account(run);
CREATE INDEX sample_run ON sample(run);
CREATE INDEX sample_time_run ON sample_time(run, lane, begin_ns);
CREATE INDEX timeline_run ON timeline(run, lane, begin_ns);
CREATE INDEX detour_run ON detour(run, lane, start_ns);
