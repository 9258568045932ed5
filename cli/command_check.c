/* lipcert check: hand a network and a certificate to lipcheck, the independent checker.
 *
 * lipcheck reads the canonical format only, so the network is written to a temporary file first.  It
 * is looked for beside this program (installed, and in the build tree), then in PATH.  What it prints
 * goes to standard output as it is. */
#define _GNU_SOURCE /* mkdtemp, readlink */
#include "commands.h"
#include "failure.h"
#include "question.h"

#include <errno.h>
#include <limits.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Where lipcheck may be, relative to the folder of this program. */
static const char *const places[] = {"lipcheck", "../check/lipcheck"};

/* The checker's path, or its bare name to be searched in PATH. */
static void find_checker(char path[PATH_MAX + 32]) {
    char self[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    char *slash = NULL;
    if (length > 0) {
        self[length] = '\0';
        slash = strrchr(self, '/');
    }
    for (size_t i = 0; slash && i < sizeof places / sizeof places[0]; i++) {
        snprintf(path, PATH_MAX + 32, "%.*s/%s", (int)(slash - self), self, places[i]);
        if (access(path, X_OK) == 0) return;
    }
    snprintf(path, PATH_MAX + 32, "lipcheck");
}

/* Run the checker and wait; *code is its exit status. */
static lip_status run_checker(const char *net, const char *certificate, int *code, lip_error *err) {
    char path[PATH_MAX + 32],
        *argv[] = {path, (char *)(size_t)net, (char *)(size_t)certificate, NULL};
    pid_t child;
    int state, failed;
    find_checker(path);
    fflush(stdout);
    failed = strchr(path, '/') ? posix_spawn(&child, path, NULL, NULL, argv, environ)
                               : posix_spawnp(&child, path, NULL, NULL, argv, environ);
    if (failed)
        return cli_fail(err, LIP_IO, NULL,
                        "cannot run the checker '%s', expected it beside lipcert or in PATH: %s",
                        path, strerror(failed));
    while (waitpid(child, &state, 0) < 0)
        if (errno != EINTR)
            return cli_fail(err, LIP_IO, NULL, "lost the checker: %s", strerror(errno));
    if (!WIFEXITED(state) || WEXITSTATUS(state) > 2)
        return cli_fail(err, LIP_INTERNAL, NULL, "the checker ended without a verdict");
    *code = WEXITSTATUS(state);
    return LIP_OK;
}

/* The canonical network in a folder of its own, checked, and removed again. */
static lip_status check_in(const char *folder, const cli_question *question,
                           const char *certificate, int *code, lip_error *err) {
    char net[PATH_MAX + 16];
    snprintf(net, sizeof net, "%s/network", folder);
    lip_status status = lip_network_save(question->net, net, err);
    if (!status) status = run_checker(net, certificate, code, err);
    unlink(net);
    return status;
}

static lip_status check(const cli_question *question, const char *certificate, int *code,
                        lip_error *err) {
    const char *temporary = getenv("TMPDIR");
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s/lipcert-XXXXXX",
             temporary && *temporary ? temporary : "/tmp");
    if (!mkdtemp(folder))
        return cli_fail(err, LIP_IO, NULL, "cannot create a temporary folder %s: %s", folder,
                        strerror(errno));
    lip_status status = check_in(folder, question, certificate, code, err);
    rmdir(folder);
    return status;
}

/* A certificate of another network: what a certificate must look like depends on its network, so
 * lipcheck would find it malformed, which says little.  Anything odd is left to lipcheck. */
static bool other_network(const char *certificate, const lip_network_info *info, lip_error *err) {
    char hash[65];
    FILE *file = fopen(certificate, "r");
    if (!file) return false;
    int found = fscanf(file, "lipcert-certificate 1\nnetwork %64[0-9a-f]\n", hash);
    fclose(file);
    if (found != 1 || strlen(hash) != 64 || strcmp(hash, info->sha256) == 0) return false;
    cli_record(err, LIP_ARGUMENT, NULL,
               "the certificate is for the network with sha256 %.16s..., this one has %.16s...",
               hash, info->sha256);
    snprintf(err->file, sizeof err->file, "%s", certificate);
    return true;
}

int cli_check(const cli_arguments *arguments) {
    static const int codes[] = {CLI_EXIT_SUCCESS, CLI_EXIT_REJECTED, CLI_EXIT_INPUT};
    lip_error err = {0};
    cli_question question;
    int code = 0;
    memset(&question, 0, sizeof question);
    if (cli_load_network(arguments, &question, &err)) return cli_complain(&err);
    if (other_network(arguments->operand[1], &question.info, &err)) {
        cli_question_free(&question);
        (void)cli_complain(&err);
        return CLI_EXIT_REJECTED;
    }
    lip_status status = check(&question, arguments->operand[1], &code, &err);
    cli_question_free(&question);
    return status ? cli_complain(&err) : codes[code];
}
