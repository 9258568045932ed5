/* The certified radius of a classifier at a point x, from local Lipschitz constants of its margins.
 *
 * Let g = f_k - f_j, k the class at x, and m <= g(x) proved.  Let R(eps) be convex, with an interior, and
 * hold every point within eps of x, and let U(eps) be a proved Lipschitz constant of g on R(eps).  For
 * ||x' - x|| < min(eps, m / U(eps)) the segment from x to x' lies in R(eps), and
 *
 *     g(x') >= g(x) - U(eps) ||x' - x|| > m - m = 0:        r_j(eps) = min(eps, m / U(eps)).
 *
 * (Hein, Andriushchenko 2017, "Formal guarantees on the robustness of a classifier"; Weng et al. 2018.)
 * Every eps gives a proved radius, the best of them counts.  U grows with eps, so the best eps is where
 * m / U(eps) = eps: a bracket lo, hi with lo proved and r_j(hi) < hi is halved until it is narrow.  Since
 * r_j(hi) itself is proved, lo jumps there.  Nothing rests on U being monotone but how good the result is.
 *
 * R(eps) is the box of half-width eps for the norm inf, the Euclidean ball for the norms 2 and 1 (whose
 * ball lies in it).  Where no U is good enough, f_k > f_j may still follow from the bounds of both outputs
 * on R(eps), which are there anyway; then r_j(eps) = eps.
 *
 * The radius of x is the smallest r_j, so the class with the smallest one is always worked on next; one
 * trial serves all classes in whose bracket its eps lies, and shares their pre-activation bounds.
 *
 * On large networks one trial with a dear method may take all the time, and at the eps where g would change its
 * sign if it were linear it proves next to nothing.  So a first search makes do with the interval Jacobian and plain
 * linear bounds; the second one, with all methods, starts at its radii, and no region gets more than a fifth of the
 * time that is left. */
#include "base/error.h"
#include "base/floating.h"
#include "base/listener.h"
#include "base/memory.h"
#include "base/round.h"
#include "bound/methods.h"
#include "bound/run.h"
#include "linalg/norms.h"
#include "search/direction.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PRODUCT = 1, MOST_TRIALS = 400 };

static const char standard_methods[] = "product,interval,tangent";
static const double TRIAL_SHARE = 0.2; /* of the time that is left, for one region */
static const double FAR = 1e300;       /* no region is larger */

/* One margin. */
typedef struct contest {
    size_t j;
    double margin, guess; /* guess: the radius if g were linear */
    double lo, hi;        /* lo is proved */
    bool guessed;         /* the guess was tried */
    bool running, certified;
    lip_query query;
    lip_task task;
} contest;

typedef struct radius_search {
    const lip_network *net;
    const lip_radius_query *query;
    const lip_settings *settings;
    lip_settings rough; /* for the first pass: without slopes and programs */
    bool cheap;         /* the first pass */
    double trial_end;   /* lip_clock_now() when the present region has had its share of the time */
    bool chosen[LIP_MOST_METHODS];
    lip_radius_result *result;
    size_t count; /* contests: outputs - 1 */
    contest *contest;
    double
        reach; /* within this distance lies all that is not clipped away; INFINITY without clip */
    double precision;
    lip_watch watch;
    lip_listener caller;
} radius_search;

/* ---- What is known so far ---------------------------------------------------------------- */

static bool open_contest(const radius_search *s, const contest *a) {
    if (a->lo == INFINITY) return false;
    return a->hi == INFINITY ? a->lo < FAR : a->hi - a->lo > s->precision * a->hi;
}

/* The contest with the smallest radius; `unfinished`: among those that can gain. */
static contest *smallest(const radius_search *s, bool unfinished) {
    contest *best = NULL;
    for (size_t i = 0; i < s->count; ++i) {
        contest *a = &s->contest[i];
        if (unfinished && !open_contest(s, a)) continue;
        if (!best || a->lo < best->lo) best = a;
    }
    return best;
}

/* A lip_progress_fn for the watches of methods: they know one margin, the caller wants the radius. */
static bool look(const lip_progress *progress, void *user) {
    radius_search *s = user;
    lip_progress own = {progress->method, smallest(s, false)->lo, smallest(s, false)->hi,
                        lip_clock_now() - s->watch.started};
    return lip_listen(&own, &s->caller);
}

/* Keep what U on the region of radius eps proves. */
static void learn(radius_search *s, contest *a, double eps, double upper, const char *method) {
    double within = upper == 0 ? INFINITY : lip_div_down(a->margin, upper);
    double radius = a->certified ? eps : fmin(eps, within);
    if (eps >= s->reach && radius >= s->reach) radius = INFINITY;
    if (!(radius > a->lo)) return;
    lip_radius_class *of = &s->result->of_class[a->j];
    a->lo = of->radius = radius;
    of->upper = upper;
    of->region = eps >= s->reach ? INFINITY : eps;
    of->method = method;
}

/* ---- One region -------------------------------------------------------------------------- */

static lip_status make_region(const radius_search *s, double eps, lip_region **region,
                              lip_error *err) {
    const lip_radius_query *q = s->query;
    size_t n = lip_inputs(s->net);
    if (eps == INFINITY) return lip_region_everywhere(n, region, err);
    if (q->norm == LIP_NORM_INF)
        return lip_region_box_around(n, q->x, eps, q->clip_lo, q->clip_hi, region, err);
    return lip_region_ball(n, q->x, eps, region, err);
}

static bool contest_start(radius_search *s, contest *a, const lip_region *region) {
    a->query = (lip_query){.norm_in = s->query->norm, .norm_out = s->query->norm};
    a->query.output = (lip_output){LIP_OUTPUT_MARGIN, s->result->label, a->j};
    a->query.region = region;
    a->task = (lip_task){.net = s->net, .query = &a->query};
    a->task.settings = s->cheap ? &s->rough : s->settings;
    a->task.result = lip_run_result(lip_inputs(s->net));
    a->task.watch = s->watch;
    a->task.watch.deadline = s->trial_end;
    a->running = a->task.result != NULL;
    a->certified = false;
    return a->running;
}

static void contest_end(contest *a) {
    if (!a->running) return;
    lip_statement_clear(&a->task.statement);
    lip_result_free(a->task.result);
    a->running = false;
}

/* Run one method for a margin in `seconds`, unless that is decided. */
static lip_status contest_run(radius_search *s, contest *a, size_t method, double eps,
                              double seconds, lip_error *err) {
    if (!a->running || a->certified) return LIP_OK;
    a->task.watch.stop = s->watch.stop;
    a->task.watch.deadline = fmin(s->watch.deadline, lip_clock_now() + seconds);
    lip_status status = lip_run_method(&a->task, method, err);
    if (a->task.watch.stop == LIP_INTERRUPTED) s->watch.stop = LIP_INTERRUPTED;
    if (status != LIP_OK) return status;
    lip_result *result = a->task.result;
    if (result->upper < INFINITY) learn(s, a, eps, result->upper, result->upper_method);
    a->certified = a->lo >= eps;
    return LIP_OK;
}

/* Pre-activation bounds, of the first contest that runs, shared by the others; NULL bounds if none runs. */
static lip_status find_bounds(radius_search *s, const contest **owner, lip_error *err) {
    lip_status status = LIP_OK;
    for (size_t i = 0; status == LIP_OK && i < s->count; ++i) {
        contest *a = &s->contest[i];
        if (!a->running) continue;
        if (!*owner) {
            *owner = a;
            status = lip_run_bounds(&a->task, err);
            if (a->task.watch.stop == LIP_INTERRUPTED) s->watch.stop = LIP_INTERRUPTED;
        } else {
            status = lip_run_share(&a->task, &(*owner)->task, err);
        }
    }
    return status;
}

/* Output k is larger than output j on the whole region. */
static void compare_outputs(radius_search *s, double eps, const lip_preactivation *bounds) {
    size_t last = s->net->layer[s->net->layers].offset;
    for (size_t i = 0; i < s->count; ++i) {
        contest *a = &s->contest[i];
        if (!a->running) continue;
        a->certified = bounds->lo[last + s->result->label] > bounds->hi[last + a->j];
        if (a->certified) learn(s, a, eps, INFINITY, "outputs");
    }
}

static size_t count_open(const radius_search *s, size_t first) {
    size_t count = 0;
    for (size_t i = first; i < s->count; ++i)
        count += s->contest[i].running && !s->contest[i].certified;
    return count;
}

static bool runs(const radius_search *s, size_t method) {
    return s->chosen[method] && (!s->cheap || lip_method_function(method) == lip_interval_method);
}

/* Every method for all margins before the next one, in even shares of the time of this region. */
static lip_status run_methods(radius_search *s, double eps, lip_error *err) {
    lip_status status = LIP_OK;
    size_t left = 0;
    for (size_t method = PRODUCT + 1; method < lip_method_count(); ++method)
        left += runs(s, method);
    for (size_t method = PRODUCT + 1; method < lip_method_count(); ++method) {
        if (!runs(s, method)) continue;
        for (size_t i = 0; status == LIP_OK && i < s->count; ++i) {
            double shares = (double)left * (double)count_open(s, i);
            double rest = fmax(s->trial_end - lip_clock_now(), 0);
            if (!lip_watch_expired(&s->watch))
                status = contest_run(s, &s->contest[i], method, eps, rest / fmax(shares, 1), err);
        }
        --left;
    }
    return status;
}

/* Look at the region of radius eps for all contests that it may help. */
static lip_status try_radius(radius_search *s, double eps, lip_error *err) {
    lip_region *region = NULL;
    const contest *owner = NULL;
    lip_status status = make_region(s, eps, &region, err);
    if (status != LIP_OK) return status;
    double now = lip_clock_now();
    s->trial_end = now + TRIAL_SHARE * fmax(s->watch.deadline - now, 0);
    for (size_t i = 0; status == LIP_OK && i < s->count; ++i) {
        contest *a = &s->contest[i];
        if (open_contest(s, a) && a->lo < eps && eps < a->hi && !contest_start(s, a, region))
            status = lip_fail_memory(err);
    }
    if (status == LIP_OK) status = find_bounds(s, &owner, err);
    if (status == LIP_OK && owner) compare_outputs(s, eps, &owner->task.bounds);
    if (status == LIP_OK) status = run_methods(s, eps, err);
    bool whole = !lip_watch_expired(&s->watch);
    if (owner) {
        lip_preactivation bounds = owner->task.bounds;
        lip_preactivation_clear(&bounds);
    }
    for (size_t i = 0; i < s->count; ++i) {
        contest *a = &s->contest[i];
        if (a->running && whole && a->lo < eps) a->hi = fmin(a->hi, eps);
        contest_end(a);
    }
    lip_region_free(region);
    ++s->result->trials;
    return status;
}

/* The product of norms holds everywhere: a first radius for every contest. */
static lip_status start_everywhere(radius_search *s, lip_error *err) {
    lip_region *region = NULL;
    lip_status status = make_region(s, INFINITY, &region, err);
    for (size_t i = 0; status == LIP_OK && i < s->count; ++i) {
        contest *a = &s->contest[i];
        status = contest_start(s, a, region) ? contest_run(s, a, PRODUCT, INFINITY, INFINITY, err)
                                             : lip_fail_memory(err);
        contest_end(a);
    }
    lip_region_free(region);
    return status;
}

/* ---- The search -------------------------------------------------------------------------- */

static double next_radius(const radius_search *s, contest *a) {
    double eps = a->lo > 0 ? (s->cheap ? 2 : 1.5) * a->lo : a->guess;
    if (a->hi < INFINITY) {
        bool wide = a->hi > 4 * a->lo;
        eps = !wide ? a->lo / 2 + a->hi / 2 : a->lo > 0 ? sqrt(a->lo) * sqrt(a->hi) : a->hi / 16;
    }
    if (!a->guessed && a->guess > a->lo && a->guess < a->hi) eps = a->guess;
    if (a->lo < s->reach && eps > s->reach) eps = s->reach;
    a->guessed = true;
    return eps;
}

static lip_status search(radius_search *s, lip_error *err) {
    lip_status status = LIP_OK;
    while (status == LIP_OK && s->result->trials < MOST_TRIALS && !lip_watch_expired(&s->watch)) {
        contest *a = smallest(s, true);
        if (!a) break;
        double eps = next_radius(s, a);
        if (!(eps > a->lo && eps < a->hi && eps < INFINITY)) {
            a->hi = a->lo; /* no double lies between them */
            continue;
        }
        status = try_radius(s, eps, err);
    }
    return status;
}

/* First with what costs little; then everything, from the radii found so far on. */
static lip_status search_twice(radius_search *s, lip_error *err) {
    lip_status status = start_everywhere(s, err);
    s->rough = *s->settings;
    s->rough.slope_steps = s->rough.bound_programs = 0;
    s->cheap = true;
    if (status == LIP_OK) status = search(s, err);
    s->cheap = false;
    for (size_t i = 0; i < s->count; ++i) s->contest[i].hi = INFINITY;
    return status == LIP_OK ? search(s, err) : status;
}

/* ---- The point --------------------------------------------------------------------------- */

/* lo, hi: bounds of all outputs at x, from the box that is x alone. */
static lip_status outputs_at(const radius_search *s, double *lo, double *hi, lip_error *err) {
    size_t n = lip_inputs(s->net), m = lip_outputs(s->net);
    lip_region *point = NULL;
    lip_preactivation bounds;
    lip_status status = lip_region_box(n, s->query->x, s->query->x, &point, err);
    if (status == LIP_OK)
        status = lip_preactivation_create(s->net, point, false, NULL, &bounds, err);
    lip_region_free(point);
    if (status != LIP_OK) return status;
    size_t last = s->net->layer[s->net->layers].offset;
    memcpy(lo, bounds.lo + last, m * sizeof *lo);
    memcpy(hi, bounds.hi + last, m * sizeof *hi);
    lip_preactivation_clear(&bounds);
    return LIP_OK;
}

/* The radius that g would have if it were linear; 1 if that says nothing. */
static lip_status guess_radius(const radius_search *s, contest *a, double *v, double *gradient,
                               lip_error *err) {
    memset(v, 0, lip_outputs(s->net) * sizeof *v);
    v[s->result->label] = 1;
    v[a->j] = -1;
    lip_status status = lip_network_vjp(s->net, s->query->x, v, gradient, err);
    if (status != LIP_OK) return status;
    double size = lip_plain_norm(lip_inputs(s->net), gradient, lip_norm_dual(s->query->norm));
    double guess = a->margin / size;
    a->guess = guess > 0 && guess < FAR ? guess : 1;
    return LIP_OK;
}

static void set_label(radius_search *s, const double *lo) {
    size_t m = lip_outputs(s->net), best = 0;
    for (size_t j = 1; j < m; ++j)
        if (lo[j] > lo[best]) best = j;
    s->result->label = s->query->label == LIP_LARGEST_OUTPUT ? best : s->query->label;
}

/* Margins at x; false, with a note, if one is not proved positive. */
static bool set_margins(radius_search *s, const double *lo, const double *hi) {
    lip_radius_result *result = s->result;
    size_t m = result->outputs, k = result->label;
    bool good = true;
    result->of_class[k] = (lip_radius_class){INFINITY, INFINITY, 0, INFINITY, ""};
    for (size_t j = 0, i = 0; j < m; ++j) {
        if (j == k) continue;
        double margin = lip_sub_down(lo[k], hi[j]);
        s->contest[i] = (contest){.j = j, .margin = margin, .hi = INFINITY};
        result->of_class[j] = (lip_radius_class){0, margin, INFINITY, INFINITY, ""};
        ++i;
        if (margin > 0 || !good) continue;
        good = false;
        result->nearest = j;
        snprintf(result->note, sizeof result->note,
                 lo[j] > hi[k] ? "output %zu is larger than output %zu at the point"
                               : "outputs %zu and %zu are too close at the point to tell which is "
                                 "larger",
                 lo[j] > hi[k] ? j : k, lo[j] > hi[k] ? k : j);
    }
    return good;
}

static lip_status prepare(radius_search *s, bool *good, lip_error *err) {
    size_t m = lip_outputs(s->net), n = lip_inputs(s->net);
    double *lo = LIP_NEW(double, 3 * m), *gradient = LIP_NEW(double, n);
    s->contest = LIP_NEW(contest, m);
    lip_status status = lo && gradient && s->contest ? LIP_OK : lip_fail_memory(err);
    if (status == LIP_OK) status = outputs_at(s, lo, lo + m, err);
    if (status == LIP_OK) {
        set_label(s, lo);
        s->count = m - 1;
        *good = set_margins(s, lo, lo + m);
        for (size_t i = 0; *good && status == LIP_OK && i < s->count; ++i)
            status = guess_radius(s, &s->contest[i], lo + 2 * m, gradient, err);
    }
    free(lo);
    free(gradient);
    return status;
}

/* ---- The call ---------------------------------------------------------------------------- */

void lip_radius_free(lip_radius_result *result) {
    if (!result) return;
    free(result->of_class);
    free(result);
}

static lip_status check_point(const lip_network *net, const lip_radius_query *query,
                              lip_error *err) {
    for (size_t i = 0; i < lip_inputs(net); ++i) {
        if (!isfinite(query->x[i]))
            return lip_fail(err, LIP_ARGUMENT, NULL, "expected a finite input, but entry %zu is %g",
                            i, query->x[i]);
        if (query->x[i] < query->clip_lo || query->x[i] > query->clip_hi)
            return lip_fail(err, LIP_ARGUMENT, NULL,
                            "expected the point inside the clip range [%g, %g], but entry %zu is "
                            "%.17g",
                            query->clip_lo, query->clip_hi, i, query->x[i]);
    }
    return LIP_OK;
}

static bool clipped(const lip_radius_query *query) {
    return query->clip_lo > -INFINITY || query->clip_hi < INFINITY;
}

static lip_status check(const lip_network *net, const lip_radius_query *query, lip_error *err) {
    size_t m = lip_outputs(net);
    if (query->norm < LIP_NORM_1 || query->norm > LIP_NORM_INF)
        return lip_fail(err, LIP_ARGUMENT, NULL, "expected a norm 1, 2 or inf, found %d",
                        (int)query->norm);
    if (m < 2)
        return lip_fail(err, LIP_ARGUMENT, NULL,
                        "a radius needs at least two outputs, but the network has one");
    if (query->label != LIP_LARGEST_OUTPUT && query->label >= m)
        return lip_fail(err, LIP_ARGUMENT, NULL,
                        "found class %zu, but the network has %zu outputs, counted from 0",
                        query->label, m);
    if (!(query->precision >= 0 && query->precision < 1))
        return lip_fail(err, LIP_ARGUMENT, NULL, "expected a precision from 0 to below 1, found %g",
                        query->precision);
    if (!(query->clip_lo < query->clip_hi))
        return lip_fail(err, LIP_ARGUMENT, NULL, "expected a clip range lo < hi, found [%g, %g]",
                        query->clip_lo, query->clip_hi);
    if (clipped(query) && query->norm != LIP_NORM_INF)
        return lip_fail(err, LIP_ARGUMENT, NULL,
                        "a clip range needs the norm inf: the regions of others are balls");
    return check_point(net, query, err);
}

/* Which methods; searches for lower bounds are of no use here. */
static lip_status choose(radius_search *s, const char *methods, lip_error *err) {
    lip_region *region = NULL;
    bool automatic = !methods || strcmp(methods, "auto") == 0;
    lip_status status = make_region(s, INFINITY, &region, err);
    if (status != LIP_OK) return status;
    lip_query query = {s->query->norm, s->query->norm, {LIP_OUTPUT_MARGIN, 0, 1}, region, NULL};
    status = lip_run_choose(automatic ? standard_methods : methods, s->net, &query, s->chosen, err);
    lip_region_free(region);
    for (size_t i = 0; status == LIP_OK && i < lip_method_count(); ++i)
        if (s->chosen[i] && lip_method_side(i) != LIP_UPPER)
            status =
                lip_fail(err, LIP_ARGUMENT, NULL,
                         "expected methods for upper bounds, found '%s', which gives lower ones",
                         lip_methods()[i].name);
    return status;
}

static void set_reach(radius_search *s) {
    const lip_radius_query *q = s->query;
    s->reach = clipped(q) ? 0 : INFINITY;
    for (size_t i = 0; i < lip_inputs(s->net); ++i) {
        s->reach = fmax(s->reach, lip_sub_up(q->x[i], q->clip_lo));
        s->reach = fmax(s->reach, lip_sub_up(q->clip_hi, q->x[i]));
    }
}

static lip_status create_result(radius_search *s, lip_error *err) {
    s->result = LIP_NEW(lip_radius_result, 1);
    if (!s->result) return lip_fail_memory(err);
    s->result->outputs = lip_outputs(s->net);
    s->result->of_class = LIP_NEW(lip_radius_class, s->result->outputs);
    return s->result->of_class ? LIP_OK : lip_fail_memory(err);
}

static lip_status run(radius_search *s, const char *methods, lip_error *err) {
    bool good = false;
    lip_status status = choose(s, methods, err);
    if (status == LIP_OK) status = create_result(s, err);
    if (status == LIP_OK) status = prepare(s, &good, err);
    if (status != LIP_OK) return status;
    set_reach(s);
    if (good) {
        status = search_twice(s, err);
        const contest *least = smallest(s, false);
        s->result->radius = least->lo;
        s->result->nearest = least->j;
        if (least->lo == 0)
            snprintf(s->result->note, sizeof s->result->note,
                     "no Lipschitz constant of output %zu minus output %zu was proved",
                     s->result->label, least->j);
    }
    s->result->stop = s->watch.stop;
    s->result->seconds = lip_clock_now() - s->watch.started;
    return status;
}

lip_status lip_radius(const lip_network *net, const lip_radius_query *query, const char *methods,
                      const lip_settings *given, lip_progress_fn progress, void *user,
                      lip_radius_result **out, lip_error *err) {
    lip_settings settings;
    lip_settings_default(&settings);
    if (given) settings = *given;
    radius_search s = {.net = net, .query = query, .settings = &settings};
    s.caller = (lip_listener){.progress = progress, .user = user};
    s.precision = query->precision > 0 ? query->precision : 1e-3;
    s.watch = (lip_watch){.started = lip_clock_now(), .progress = look, .user = &s};
    s.watch.deadline = s.watch.started + settings.time_limit;
    s.watch.bounds = (lip_progress){"", 0, INFINITY, 0};
    fenv_t saved;
    lip_floating_enter(&saved);
    lip_status status = lip_settings_check(&settings, err);
    if (status == LIP_OK) status = check(net, query, err);
    if (status == LIP_OK) status = run(&s, methods, err);
    lip_floating_leave(&saved);
    free(s.contest);
    if (status == LIP_OK)
        *out = s.result;
    else
        lip_radius_free(s.result);
    return status;
}
