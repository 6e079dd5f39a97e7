/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cgg.h - the whole library on one screen.
 *
 * The library prints nothing and never exits. A function that returns int gives
 * 0, or the exit status that the refusal deserves (enum cgg_status) with its
 * sentence in cgg_error. A struct cgg_guard owns what it maps and opens until
 * guard_close(); nothing else is to be freed but rules, by rules_free().
 */
#ifndef CGG_H
#define CGG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

#include "../bpf/cgguard.h"

/* error.c: why not */
enum cgg_status { CGG_DONE, CGG_NO, CGG_USAGE, CGG_FAILED };
#define CGG_ERROR 1024
extern char cgg_error[CGG_ERROR];
int set_error(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));
extern char cgg_note[CGG_ERROR]; /* what is to be said though it is done; empty: nothing */
void note_set(const char *format, ...) __attribute__((format(printf, 1, 2)));
void error_put(FILE *errors, const char *name, size_t line);
void note_put(FILE *errors, const char *name, size_t line);

/* error.c: how far it is, told now and then by what may take long; 0: nobody wants to know */
extern void (*cgg_progress)(const char *doing, unsigned long done);
void progress(const char *doing, unsigned long done);

/* visible.c: text of unknown origin, made safe for a terminal */
#define CGG_VISIBLE 4 /* bytes that one may become */
size_t text_visible(char *text, const char *s, size_t len);
__u32 utf8_read(const __u8 *s, size_t len, size_t *step);
bool utf8_is_hidden(__u32 c);

/* hook.c: the one table of hooks, and the one of programs */
enum cgg_match { /* bits of what a hook takes and a rule has */
		 CGG_MATCH_PROTO = 1,
		 CGG_MATCH_IP = 2,
		 CGG_MATCH_PORT = 4,
		 CGG_MATCH_FAMILY = 8,
		 CGG_MATCH_TYPE = 16,
		 CGG_MATCH_CGROUP = 32,
};
enum cgg_operand_kind { CGG_NONE, CGG_DEVICE_NUMBER, CGG_SYSCTL_NAME, CGG_UNIX_NAME, CGG_SOCKOPT };
struct cgg_hook_info {
	const char *word;
	enum cgg_operand_kind operand; /* what follows the word */
	unsigned matches; /* enum cgg_match */
	unsigned programs; /* 1 << enum cgg_program */
	__u8 access_bits; /* enum cgg_access that a rule may name */
	bool observe_only; /* the kernel lets it refuse nothing */
	bool error; /* a denial may choose its errno */
};
struct cgg_program_info {
	const char *name; /* of the program, its pin and its events */
	int type; /* enum bpf_prog_type */
	int attach; /* enum bpf_attach_type */
	const char *since; /* the Linux version that has it, 0: before 5.10 */
};
extern const struct cgg_hook_info cgg_hooks[CGG_HOOKS];
extern const char *const cgg_operands[]; /* as usage text, by enum cgg_operand_kind */
extern const struct cgg_program_info cgg_programs[CGG_PROGRAMS];
int hook_find(const char *word, size_t len); /* -1: none */
unsigned hook_programs(unsigned hooks); /* bits in, bits out */
#define CGG_NET_HOOKS (1u << CGG_CONNECT | 1u << CGG_SENDMSG | 1u << CGG_EGRESS) /* net */
extern const char *const cgg_verdicts[]; /* by enum cgg_verdict */

/* addr.c: addresses are 16 bytes in network order, IPv4 as ::ffff:a.b.c.d */
struct cgg_net {
	__u8 addr[16];
	__u8 len; /* bits, 0 to 128: 96 + the length for IPv4 */
	bool local;
};
#define CGG_NET_TEXT 64
bool addr_is_ip4(const __u8 addr[16]);
void addr_print(const __u8 addr[16], char text[CGG_NET_TEXT]);
int net_parse(struct cgg_net *net, const char *word);
void net_print(const struct cgg_net *net, char text[CGG_NET_TEXT]);
int port_parse(__u16 *min, __u16 *max, const char *word);
int proto_find(__u16 *proto, const char *word); /* by its name; -1: none */
int proto_parse(__u16 *proto, const char *word);
void proto_print(__u16 proto, char text[CGG_NET_TEXT]);
int number_parse(unsigned long *n, const char *word, size_t len, unsigned long max); /* -1: no */

/* rule.c: words <-> struct cgg_rule */
#define CGG_COMMENT 128
#define CGG_CGROUP 1024
#define CGG_OPERAND_TEXT (4 * CGG_OPERAND + 4)
/* Each byte of what users may have named can become four; beside that, fixed words. */
#define CGG_RULE_TEXT (4 * CGG_CGROUP + CGG_OPERAND_TEXT + 2 * CGG_COMMENT + 512)
struct cgg_rule {
	__u32 id; /* 0: in no policy yet */
	__u8 verdict;
	__u8 access; /* enum cgg_access */
	unsigned hooks; /* 1 << enum cgg_hook */
	unsigned matches; /* enum cgg_match that it has */
	__u16 proto, port_min, port_max;
	struct cgg_net net;
	char device; /* a, b or c; 0: none, or operand is the path of its node */
	long major, minor; /* of a device; level and name of an option; -1: any */
	char operand[CGG_OPERAND]; /* a sysctl's or a unix socket's name */
	bool prefix; /* the operand ended with a star */
	int family, type; /* of a socket */
	char cgroup[CGG_CGROUP]; /* TARGET, and after rule_resolve() its path below the mount */
	__u64 cgroup_id;
	__u8 cgroup_level;
	char name[CGG_NAME], comment[CGG_COMMENT];
	bool quiet;
	int error; /* errno of a denial, 0: EPERM */
	__u64 ttl; /* ns that it still holds, when it was said; 0: for ever */
	__u64 expires; /* CLOCK_BOOTTIME, ns; 0: not yet known, or never */
};
int rule_parse(struct cgg_rule *rule, int count, char *const word[]);
bool rule_has_word(const char *word); /* whether it names a match or an option */
size_t rule_print(const struct cgg_rule *rule, char text[CGG_RULE_TEXT]); /* but for ttl */
__u64 time_now(void); /* CLOCK_BOOTTIME, ns */
int hooks_parse(unsigned *hooks, const char *word);
void hooks_print(unsigned hooks, char *text, size_t size);
int verdict_find(const char *word); /* -1: none */
int verdict_parse(__u8 *verdict, const char *word);
int name_check(const char *what, const char *name);
int policy_name_check(const char *name);
void name_tag(char tag[CGG_NAME], const char *name); /* of a policy; all of tag is written */

/* word.c: a word between quotes */
bool word_is_plain(const char *word);
size_t word_quote(char *text, const char *word, bool utf8); /* four times the room of word, and 3 */
char *word_unquote(char *in);
void word_unescape(char *word); /* \xNN alone, as commands print paths; in place */

/* operand.c: what follows a hook's word */
struct cgg_words {
	char *const *word;
	int count, at;
};
const char *words_next(struct cgg_words *words); /* 0: no more */
int operand_parse(struct cgg_rule *rule, enum cgg_operand_kind kind, struct cgg_words *words);
void operand_print(const struct cgg_rule *rule, enum cgg_operand_kind kind,
		   char text[CGG_OPERAND_TEXT]);
int sockopt_parse(struct cgg_rule *rule, const char *word);
void sockopt_print(long level, long name, char text[256]);

/* entries.c: rules as entries, <-> image; memory in, memory out */
struct cgg_rules {
	struct cgg_entry *entry; /* a rule has one with a text, and perhaps some behind it */
	unsigned count, room; /* of entries */
	unsigned rules;
	char *heap;
	__u32 heap_used, heap_room; /* units of 8 bytes */
	__u8 defaults[CGG_HOOKS]; /* enum cgg_verdict */
	__u8 audit;
#define CGG_UNSET 0xff /* of these two, in what is added: as it is */
	__u32 next_id;
	struct cgg_index index; /* that they stand beside */
};
__u32 words_hash(const char *words, size_t len);
void rules_begin(struct cgg_rules *rules);
int rules_add(struct cgg_rules *rules, const struct cgg_rule *rule);
int rules_insert(struct cgg_rules *rules, unsigned at, __u32 before, const struct cgg_rule *rule);
int rules_take(struct cgg_rules *rules, const struct cgg_rules *more);
void rules_remove(struct cgg_rules *rules, unsigned at);
unsigned entry_forms(const struct cgg_entry *e, struct cgg_entry form[CGG_KNOWN_BITS]);
unsigned rules_hooks(const struct cgg_rules *rules);
void rules_free(struct cgg_rules *rules);
int compile(struct cgg_image *image, const struct cgg_rules *rules);
int decompile(struct cgg_rules *rules, const struct cgg_image *image);

/* build.c: many rules -> an index; memory in, memory out */
int index_build(char **pages, struct cgg_index *head, const struct cgg_rules *rules);

/* resolve.c: what only the machine knows: a node's number, a cgroup's id, the time */
int rule_resolve(struct cgg_rule *rule);

/* never.c: takes a new rule, resolved, unless it can never match; cgg_note may say something then */
int rule_accept(struct cgg_rule *rule, bool typed);

/* sysctl.c: whether the name can be there; typed: by hand, and not in a file of other kernels too */
int sysctl_check(const struct cgg_rule *rule, bool typed);

/* hint.c: what to write in place of a word of another tool: "; write ...", or "" */
const char *word_hint(const char *word, bool verdict);
const char *ip_hint(const char *word);
const char *port_hint(const char *word);

/* file.c: a policy file; appends to rules. All its errors, a line each, in *errors (free it), and its notes. */
int rule_line(struct cgg_rule *rule, char *line); /* cuts line up */
int default_parse(struct cgg_rules *rules, int count, char *const word[]);
int mode_parse(struct cgg_rules *rules, int count, char *const word[]);
char *slurp(FILE *file, size_t *size); /* all of it and a NUL; free it; 0, and errno */
int file_read(struct cgg_rules *rules, FILE *file, const char *name, char **errors);
#define CGG_SETTINGS_TEXT 640
void settings_print(const __u8 defaults[CGG_HOOKS], bool audit, char text[CGG_SETTINGS_TEXT]);

/* yaml.c: the same from the shape of cgguard-rule(5), POLICY YAML */
int yaml_read(struct cgg_rules *rules, FILE *file, const char *name, char **errors);

/* pin.c: the guard as it lies below /sys/fs/bpf/cgguard */
#define CGG_BPFFS "/sys/fs/bpf"
#define CGG_DIR CGG_BPFFS "/cgguard"
enum cgg_open { CGG_READ, CGG_CHANGE }; /* beside other readers; alone */
struct cgg_guard {
	int dir; /* the open and locked pin directory */
	enum cgg_open how;
	int image_maps, tally_maps, indexes, attachments, attached;
	struct cgg_policy *policies; /* CGG_POLICIES of them, shared with the kernel */
	struct cgg_image *images[CGG_POLICIES]; /* two each, where they were asked for */
	/*
	 * Called before the last step of a change of rules, which cannot fail; 0: nobody. Unless it
	 * returns 0 the change is not made. A command that must print prints here.
	 */
	int (*ready)(void);
};
int guard_open(struct cgg_guard *guard, enum cgg_open how);
void guard_close(struct cgg_guard *guard);
int lock_take(int dir, enum cgg_open how); /* lock.c: waits, within reason */
int pin_check(int dir, const char *path); /* bpffs, ours alone, a directory */
int pin_directory(const char *path); /* an fd, or -1 with errno */
int pin_remove(const char *path); /* a directory of pins, with all below it */
#define CGG_SIBLING CGG_DIR "-new-" /* and the process id: a guard that is made, or removed */
void siblings_sweep(void); /* what killed commands left of those */
int pin_get(const char *name); /* fd of maps/name or so, or -1 with errno */
int pin_refusal(const char *name); /* of what pin_get() has just not given */
enum cgg_version { CGG_VERSION_LAYOUT, CGG_VERSION_PROGRAMS }; /* what the map version holds */
int version_read(void); /* the layout version of what is pinned, or -1 with errno */

int programs_loaded(unsigned *programs); /* 1 << enum cgg_program, that this kernel loaded */
int programs_record(unsigned programs);

/* cgroup.c: a cgroup's directory, its id, and back */
struct cgg_cgroup {
	int fd;
	__u64 id;
	unsigned made; /* so many directories, at the end of path */
	char path[4096]; /* where it was found */
};
enum cgg_target {
	CGG_CREATE = 1, /* with those above it */
	CGG_FORCE = 2, /* the root, too */
	CGG_ANY = 4, /* whatever it is */
	CGG_EXACT = 8, /* \xNN in a path is no byte, but these four */
};
int cgroup_open(struct cgg_cgroup *cgroup, const char *target, int flags);
int cgroup_open_id(__u64 id); /* an fd, or -1: gone */
void cgroup_above(int fd, __u64 above[CGG_LEVELS]); /* its id, its parent's, ..., then zeros */
bool cgroup_is_below(__u64 id, __u64 top); /* or top itself */
void cgroup_close(struct cgg_cgroup *cgroup, bool undo);
void cgroup_let_go(struct cgg_cgroup *cgroup); /* closes it; what was made can still be undone */
int cgroup_again(struct cgg_cgroup *cgroup); /* opens it after that */
bool cgroup_name(__u64 id, char *text, size_t size); /* its path below the mount; or the id */

/* target.c: the forms of TARGET */
int target_find(struct cgg_cgroup *cgroup, const char *target, int flags);
int cgroup_own(char path[4096]); /* that of this process */

/* named.c: the cgroup of a unit or a container */
int name_path(char path[4096], const char *kind, const char *word);

/* mount.c: where cgroup v2 is mounted */
const char *cgroup_mount(void); /* 0: none */
int mount_refusal(void);
int mount_open(void);
int mount_open_path(const char *path);
const char *mount_below(const char *path);
const char *mount_visible(const char *path);
const char *mount_hides(void);

/* attach.c: which cgroup has which policy, and the links that it takes */
struct cgg_attachment {
	__u64 id;
	__u32 policy;
	bool forced; /* what it does to others was wanted: cgg-attach -f */
};
int attachment_read(struct cgg_guard *guard, __u64 id, struct cgg_attachment *attachment);
int attachments_read(struct cgg_guard *guard, struct cgg_attachment **all, unsigned *count);
int attachment_find(struct cgg_guard *guard, __u64 id, __u32 *policy); /* CGG_NO: none */
int attach(struct cgg_guard *guard, const struct cgg_cgroup *cgroup, __u32 policy, bool forced);
int detach(struct cgg_guard *guard, __u64 id);
int attach_hooks(struct cgg_guard *guard, __u32 policy, unsigned hooks);
void detach_hooks(struct cgg_guard *guard, __u32 policy, unsigned hooks);
#define CGG_REPLACED CGG_DIR "/replaced" /* programs that take, or had, the place of progs/ */
int programs_replace(struct cgg_guard *guard);
int guard_repair(struct cgg_guard *guard); /* what a killed command or a removed cgroup left */
unsigned links_of(__u64 id); /* 1 << enum cgg_program, as pinned */
void pinned_forget(void); /* look again which programs are pinned: for guard_open() */

/* override.c: what a new program does to those of others, and they to it */
#define CGG_BESIDE 64 /* programs a hook and cgroup (BPF_CGROUP_MAX_PROGS) */
struct cgg_effective { /* that the kernel asks for a hook */
	__u32 ids[CGG_BESIDE * CGG_LEVELS], count;
	bool alone; /* the cgroup itself has none */
};
int override_check(int cgroup, int program, struct cgg_effective *before);
int override_recheck(int cgroup, int program, const struct cgg_effective *before);
int link_refusal(int cgroup, int program, int error);

/* effective.c: the programs that have a say in a cgroup, in the order the kernel asks them */
struct cgg_say {
	const char *hook;
	__u32 program, link; /* ids; link 0: it is attached without one */
	__u32 flags; /* BPF_F_ALLOW_*, alike for all of a hook on one cgroup */
	__u64 cgroup; /* where it is attached */
	int level; /* how far above that is, -1: above what is mounted here */
	char name[16];
	bool known; /* false: name and link may not be seen */
	bool owned; /* uid is known: who loaded the program */
	__u32 uid;
	bool ours;
	bool asked; /* false: one below is asked in its place */
};
int effective_read(int cgroup, bool guarded, struct cgg_say **all, unsigned *count);

/* inner.c: the maps in the elements of images, tallies and indexes, by the name of that map */
int inner_get(const char *name, int outer, __u32 number); /* -1 with errno */
int inner_put(const char *directory, const char *name, int outer, __u32 number, int fd);
void inner_drop(const char *name, int outer, __u32 number); /* if it is there */
int inner_refusal(const char *name, __u32 number); /* of what inner_get() has just not given */
int chunk_make(const char *directory, int images, int tallies, __u32 chunk);
void chunk_forget(struct cgg_guard *guard, __u32 chunk);
bool chunk_is_whole(const struct cgg_guard *guard, __u32 chunk);
struct cgg_image *guard_images(struct cgg_guard *guard, int place); /* 0: refused */

/* store.c: the indexes of a guard, numbered as in the map indexes */
enum cgg_part { CGG_RECORDS = 1, CGG_HASHES = 2, CGG_TEXTS = 4 };
struct cgg_store {
	const struct cgg_index *head;
	enum cgg_open how;
	int fd;
	const struct cgg_action *actions;
	__u8 *bits;
	const struct cgg_record *records;
	const __u32 *hashes;
	const char *heap;
};
int index_open(struct cgg_store *index, const struct cgg_index *head, enum cgg_open how,
	       unsigned parts);
int index_map(struct cgg_store *index, unsigned parts);
bool index_is_lost(const struct cgg_index *head); /* its pin; programs still walk it */
void index_close(struct cgg_store *index);
int index_record(struct cgg_store *index, __u32 rule, struct cgg_record *record);
bool index_has_text(struct cgg_store *index, const struct cgg_record *record, const char *text,
		    size_t len);
bool index_is_dead(const struct cgg_store *index, __u32 rule);
const char *index_text(const struct cgg_store *index, __u32 rule);
int index_store(struct cgg_guard *guard, const struct cgg_index *head, const char *pages);
void index_drop(struct cgg_guard *guard, __u32 number); /* if it is there */

/* policy.c: places in guard->policies */
struct cgg_line { /* a rule of a policy; expired ones are none */
	const char *text; /* no NUL behind it */
	__u64 expires, cgroup;
	__u32 id;
	__u16 len;
	__u8 level;
};
typedef int policy_line(void *context, const struct cgg_line *line);
int policy_find(struct cgg_guard *guard, const char *name); /* -1: none */
/* By an event's tag, looked for at a place first; by a place and how many policies it had. */
const char *policy_by_tag(const struct cgg_policy *policies, const char *tag, unsigned place);
const char *policy_by_place(const struct cgg_policy *policies, unsigned place, __u32 born);
int policy_make(struct cgg_guard *guard, const char *name, int *place);
const struct cgg_image *policy_image(struct cgg_guard *guard, int place); /* in force; 0 */
bool policy_is_open(struct cgg_guard *guard,
		    int place); /* it has no rule and no default: all is allowed */
int policy_programs(struct cgg_guard *guard, int place, unsigned *programs);
int policy_each(struct cgg_guard *guard, int place, policy_line *line, void *context);
int policy_size(struct cgg_guard *guard, int place, unsigned *rules);
int policy_add(struct cgg_guard *guard, int place, const struct cgg_rules *more, __u32 *first_id);
int policy_insert(struct cgg_guard *guard, int place, __u32 before, const struct cgg_rule *rule,
		  __u32 *id);
int policy_delete(struct cgg_guard *guard, int place, __u32 id, const char *text);
int policy_settings(struct cgg_guard *guard, int place, const struct cgg_rules *settings);
int policy_restore(struct cgg_guard *guard, int place, struct cgg_rules *rules, unsigned seconds);
int policy_confirm(struct cgg_guard *guard, int place);
int policy_drop(struct cgg_guard *guard, int place);
int policies_drop_idle(struct cgg_guard *guard, bool is_meant(const char *name));
void policies_sweep(struct cgg_guard *guard);
#define CGG_LINE_TEXT (CGG_RULE_TEXT + 32)
void line_print(const struct cgg_line *line, char text[CGG_LINE_TEXT]); /* with its ttl */
int line_rule(const struct cgg_line *line, struct cgg_rule *rule);

/* query.c: cgg-rule test */
int query_make(struct cgg_ask *ask, const struct cgg_rule *rule);
int query_ask(struct cgg_ask *ask, int place, __u8 *verdict, __u32 *rule);

/* count.c: what was decided, summed over the processors */
int count_open(void);
struct cgg_count count_read(int counts, __u32 policy, __u32 rule);
struct cgg_tally tally_read(__u32 policy, int hook);
struct cgg_count tally_default(const struct cgg_tally *tally); /* what the default decided */
bool packets_read(__u64 cgroup, struct cgg_packets *sum); /* false: no program counts them */
int count_forget(__u32 policy);
bool count_any(__u32 policy); /* whether some rule has a count */
void count_forget_rule(__u32 policy, __u32 rule);
int by_number(const void *one, const void *other); /* compares two __u32, for qsort(3) */
int count_keep(__u32 policy, __u32 *ids, size_t count); /* sorts them; forgets all others */
bool count_time(__u64 last, char text[40]); /* RFC 3339 of a count's last hit; false: never */

/* event.c: a record -> a line; text and JSON */
#define CGG_EVENT_TEXT 32768 /* 4096 bytes of cgroup path, each as \u00XX, and the rest */
struct cgg_event_view {
	bool json, time, color;
	__s64 clock; /* CLOCK_REALTIME - CLOCK_BOOTTIME, ns */
	const struct cgg_policy *policies; /* of the guard; 0: names stay as short as in events */
};
struct cgg_news {
	struct cgg_suppressed key;
	__u64 count; /* since it was told last */
};
void text_print(char *text, const char *s); /* as a line has it; four times the room of s */
void text_utf8(char *text, const char *s); /* for a JSON library; likewise */
#define RED "\033[31m" /* colors of a terminal (ECMA-48, 8.3.117) */
#define YELLOW "\033[33m"
#define CYAN "\033[36m"
#define MAGENTA "\033[35m"
int event_hook(__u8 program); /* CGG_HOOKS: of none */
size_t event_print(char text[CGG_EVENT_TEXT], const struct cgg_event *event, const char *cgroup,
		   const struct cgg_event_view *view);
size_t event_lost(char text[CGG_EVENT_TEXT], __u64 count, const struct cgg_event_view *view);
size_t event_suppressed(char text[CGG_EVENT_TEXT], const struct cgg_news *news, const char *cgroup,
			const char *policy, const struct cgg_event_view *view);

/* ring.c: a reader of events */
#define CGG_MARKS 8192
struct cgg_lane { /* one ring, and a place in it */
	struct cgg_event *events;
	struct cgg_ring *ring;
	__u64 next; /* the number of the next record is next + 1 */
	__u64 stuck_at;
	__s64 stuck_since;
};
struct cgg_reader {
	struct cgg_ring *ring; /* CGG_RINGS of them */
	struct cgg_reader_slot *reader_slots;
	struct cgg_filter filter;
	const struct cgg_policy *policies; /* of the guard, to know a policy by its place */
	struct cgg_lane all, own; /* ring 0; the filter's, without one own.ring is 0 */
	__u64 slots;
	__u32 reader_slot; /* 0: none was free */
	int lock, rings, wakeups, epoll;
	void *wakeup_consumer;
	const volatile __u64 *wakeup_producer;
	__u64 start, backlog; /* of ring 0: what was unread when it came */
	__u64 from, until; /* what own does not have, or not alone */
	__u64 last; /* the highest number in ring 0 that own gave */
	__u64 printed, suppressed_then;
	__u64 marks[CGG_MARKS]; /* printed, and not yet said so in ring 0 */
	unsigned marked;
	int suppressed, told; /* maps */
	__u64 suppressed_seen;
	bool suppressed_first;
	struct cgg_news *known; /* by key: how much this reader has told */
	size_t known_count, known_room;
};
int reader_look(struct cgg_reader *reader);
int reader_open(struct cgg_reader *reader, const struct cgg_filter *filter,
		const struct cgg_policy *policies);
void reader_close(struct cgg_reader *reader);
__u64 record_copy(struct cgg_event *event, const struct cgg_event *slot, __u64 number);
int reader_next(struct cgg_reader *reader, struct cgg_event *event,
		__u64 *lost); /* 1, or 0: none yet */
bool reader_took(struct cgg_reader *reader, const struct cgg_event *event);
void reader_seen(struct cgg_reader *reader, __u64 lost); /* what was taken has been printed */
int reader_wait(struct cgg_reader *reader, int milliseconds); /* 1 woken, 0 not, -1 unwatched */
bool reader_is_behind(const struct cgg_reader *reader); /* there is something to look at */
void reader_watch(struct cgg_reader *reader, int fd);
unsigned readers_sweep(struct cgg_reader *reader); /* how many are at work */

/* last.c: what ring 0 holds last, for those who look on */
#define CGG_LOOK 4096 /* records, from the newest back */
int events_last(const struct cgg_reader *reader, unsigned verdicts, struct cgg_event **list,
		unsigned *count);
void event_rule(struct cgg_rule *rule, const struct cgg_event *event);

/* suppressed.c: what programs did not write, and who was told so */
int suppressed_open(struct cgg_reader *reader);
size_t suppressed_news(struct cgg_reader *reader, struct cgg_news **news); /* free it */
size_t suppressed_read(int map, struct cgg_news **all); /* whole counts; free it */

/* learn.c: events -> a policy file that allows them */
struct json_t;
struct cgg_learn { /* starts as all zero, but for the first three */
	const char *policy; /* take events of this policy alone; 0: there must be one only */
	const char *cgroup; /* this path below the mount, and cgroups below it; 0: one only */
	bool denied; /* take what was denied, and nothing else */
	void *tree;
	struct json_t *policies, *cgroups; /* the names that the chosen events had */
	struct json_t *paths; /* cgroup id -> path */
	unsigned unique, hooks; /* hooks: of which events came */
	__u64 events, lost, skipped, unchosen; /* skipped: denials */
};
struct cgg_widen { /* bits that addresses share, ports that may lie between; 32, 128, 0: not at all */
	unsigned prefix4, prefix6, gap;
};
int learn_line(struct cgg_learn *learn, const char *line, size_t len); /* CGG_NO: left out */
int learn_check(const struct cgg_learn *learn); /* CGG_USAGE: events of several policies */
int learn_write(struct cgg_learn *learn, const struct cgg_widen *widen, FILE *file); /* once */
void learn_free(struct cgg_learn *learn);

/* run.c: a fresh cgroup for one command */
struct cgg_run { /* what there is to take away; in memory that two processes share */
	char path[4096]; /* its cgroup, "": none */
	char policy[CGG_NAME]; /* its own, "": none */
	__u64 id; /* of the cgroup */
};
int run_begin(struct cgg_run *run, struct cgg_guard *guard, struct cgg_cgroup *cgroup,
	      const char *policy, struct cgg_rules *rules); /* rules, or if 0 that policy */
int run_end(struct cgg_run *run);
pid_t run_clone(const struct cgg_cgroup *cgroup, bool *inside);

/* shut.c: closes what no hook sees */
struct cgg_shut {
	unsigned keep;
	__u64 keep_caps;
	struct passwd *user; /* 0: who calls */
	gid_t *groups;
	size_t group_count;
};
int shut_keep(struct cgg_shut *shut, const char *words);
int shut_user(struct cgg_shut *shut, const char *name);
int shut_all(const struct cgg_shut *shut);

/* environ.c: the variables of the command that cgg-run runs */
struct cgg_environ {
	bool clear; /* none of the caller's, but TERM */
	struct passwd *caller; /* who calls, if clear */
	char **words; /* NAME=VALUE; before environ_apply() NAME as well */
	size_t count;
};
int environ_add(struct cgg_environ *env, char *word);
void environ_begin(struct cgg_environ *env);
int environ_apply(struct cgg_environ *env, const struct passwd *user);

#endif
