# A front door to CMake; `make help` lists what there is.
BUILD ?= build
PREFIX ?= /usr/local
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
CMAKE_FLAGS ?=

configure = cmake -S . -B $(BUILD) $(CMAKE_FLAGS)
compile = cmake --build $(BUILD) -j $(JOBS)
test = ctest --test-dir $(BUILD) --output-on-failure -j $(JOBS)

.PHONY: all demo check check-slow bench reproduce scoreboard wheel lint install clean help
.NOTPARALLEL:

all:
	@$(configure) -DLIPCERT_TESTS=OFF
	@$(compile)

demo:
	@tools/deps.sh
	@$(MAKE) --no-print-directory all
	@tools/demo.sh $(BUILD)

check:
	@tools/deps.sh --tests
	@$(configure) -DLIPCERT_TESTS=ON
	@$(compile)
	@$(test) -LE slow

check-slow: check
	@$(test) -L slow

bench: all
	@bench/run $(BUILD)

# FULL=1: the sizes of the paper; REPRODUCE: more options of bench/neurips2020.py
reproduce: all
	@$(or $(LIPCERT_PYTHON),/usr/bin/python3) bench/neurips2020.py $(BUILD) $(if $(FULL),--full) $(REPRODUCE)

# lipcert beside other programs, which are installed (5 GiB); FULL=1: long runs too; SCOREBOARD: more options
scoreboard: all
	@$(or $(LIPCERT_PYTHON),/usr/bin/python3) bench/scoreboard.py $(BUILD) $(if $(FULL),--full) $(SCOREBOARD)

wheel: all
	@cmake --build $(BUILD) --target wheel

lint: all
	@tools/lint.sh $(BUILD)

install: all
	cmake --install $(BUILD) --prefix $(PREFIX)

clean:
	rm -rf $(BUILD)

help:
	@echo "make              configure and build into $(BUILD)/"
	@echo "make demo         install what is missing, build, bound the two example networks"
	@echo "make check        install what is missing, build, run the tests"
	@echo "make check-slow   the same, then the tests that take minutes"
	@echo "make bench        build and measure"
	@echo "make reproduce    build and repeat the experiment of docs/neurips2020.md; FULL=1: in full"
	@echo "make scoreboard   build and repeat docs/scoreboard.md: lipcert beside other programs; FULL=1: in full"
	@echo "make wheel        build the Python package: $(BUILD)/python/lipcert-*.whl"
	@echo "make lint         clang-format and clang-tidy"
	@echo "make install      PREFIX=$(PREFIX), DESTDIR= for staging"
	@echo "make clean        remove $(BUILD)/"
	@echo "Variables: BUILD, JOBS, CMAKE_FLAGS (such as -DLIPCERT_WERROR=ON)"
