/* Lets a process see a processor with AVX2 and nothing beyond: no AVX-512, no AMX, no AVX-VNNI. Linux on x86-64, preloaded.
 *
 * ARCH_SET_CPUID makes every CPUID instruction fault; the handler executes it, takes bits away and goes on behind it.
 * Threads and forks inherit the faulting; a program that is started anew runs the constructor again.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define ARCH_SET_CPUID 0x1012
#define BIT(n) (1u << (n))

typedef int action_function(int, const struct sigaction *, struct sigaction *);
static action_function *libc_sigaction;

static long let_cpuid_run(unsigned long runs) { return syscall(SYS_arch_prctl, ARCH_SET_CPUID, runs); }

static void answer(unsigned *a, unsigned *b, unsigned *c, unsigned *d) {
    const unsigned leaf = *a, part = *c;
    let_cpuid_run(1);
    __asm__ volatile("cpuid" : "+a"(*a), "=b"(*b), "+c"(*c), "=d"(*d));
    let_cpuid_run(0);
    if (leaf == 7 && part == 0) { /* AVX-512 in all its parts, AMX */
        *b &= ~(BIT(16) | BIT(17) | BIT(21) | BIT(26) | BIT(27) | BIT(28) | BIT(30) | BIT(31));
        *c &= ~(BIT(1) | BIT(6) | BIT(11) | BIT(12) | BIT(14));
        *d &= ~(BIT(2) | BIT(3) | BIT(8) | BIT(22) | BIT(23) | BIT(24) | BIT(25));
    } else if (leaf == 7) { /* AVX-VNNI, AVX512-BF16, AMX-FP16, AVX-IFMA; AVX-NE-CONVERT and its like */
        *a &= ~(BIT(4) | BIT(5) | BIT(21) | BIT(23));
        *b = *c = *d = 0;
    } else if (leaf == 0xd && part == 0) { /* registers to be saved: masks, ZMM, tiles */
        *a &= ~(BIT(5) | BIT(6) | BIT(7) | BIT(17) | BIT(18));
    } else if (leaf == 0x1d || leaf == 0x1e) { /* tiles */
        *a = *b = *c = *d = 0;
    }
}

static void on_fault(int number, siginfo_t *info, void *context) {
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    const unsigned char *at = (const unsigned char *)registers[REG_RIP];
    if (info->si_code == SI_KERNEL && at[0] == 0x0f && at[1] == 0xa2) {
        unsigned a = registers[REG_RAX], b = 0, c = registers[REG_RCX], d = 0;
        answer(&a, &b, &c, &d);
        registers[REG_RAX] = a, registers[REG_RBX] = b, registers[REG_RCX] = c, registers[REG_RDX] = d;
        registers[REG_RIP] += 2;
        return;
    }
    struct sigaction plain = {.sa_handler = SIG_DFL}; /* a true fault: happens again, and ends the process */
    libc_sigaction(number, &plain, NULL);
}

/* Nobody takes the handler away: pytest's faulthandler would. */
int sigaction(int number, const struct sigaction *wanted, struct sigaction *before) {
    if (number == SIGSEGV && libc_sigaction) {
        if (before)
            memset(before, 0, sizeof *before);
        return 0;
    }
    action_function *original = libc_sigaction ? libc_sigaction : (action_function *)dlsym(RTLD_NEXT, "sigaction");
    return original(number, wanted, before);
}

__attribute__((constructor)) static void begin(void) {
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
    action_function *found = (action_function *)dlsym(RTLD_NEXT, "sigaction");
    found(SIGSEGV, &action, NULL);
    libc_sigaction = found;
    if (let_cpuid_run(0) != 0)
        _exit(86); /* this kernel or processor cannot: the caller looks for another way */
}
