#!/usr/bin/env python3
"""The ctypes structures, enumerators and settings against the C compiler: test_layout.py LAYOUT

LAYOUT is the program made from layout.c.  Both sides have to have the same names, so that a field
added to the header is missed here as well as in layout.c: the size of the struct tells."""
import ctypes
import os
import re
import sys
import unittest

import common
from lipcert import _library, _settings

LINES = common.run([sys.argv[1]])[1].splitlines()
HEADER = os.path.join(common.ROOT, "include", "lipcert.h")


def lines(kind, separator=" "):
    return [line.split(separator)[1:] for line in LINES if line.split(separator)[0] == kind]


class Layout(unittest.TestCase):
    def structures(self):
        found = {s.__name__: s for s in _library.STRUCTURES}
        found["lip_settings"] = _settings.structure(_settings.read())
        return found

    def test_sizes(self):
        self.assertEqual({name: int(size) for name, size in lines("struct")},
                         {name: ctypes.sizeof(s) for name, s in self.structures().items()})

    def test_fields(self):
        ours = [(name, field[0], getattr(s, field[0]).offset, getattr(s, field[0]).size)
                for name, s in self.structures().items() for field in s._fields_]
        theirs = [(s, name, int(offset), int(size)) for s, name, offset, size in lines("field")]
        self.assertEqual(sorted(ours), sorted(theirs))

    def test_types(self):
        """The size of a field does not tell double from int64, or bool from char: the header does."""
        with open(HEADER, encoding="utf-8") as file:
            text = re.sub(r"/\*.*?\*/", " ", file.read(), flags=re.S)
        c_types = {"double": ctypes.c_double, "size_t": ctypes.c_size_t, "bool": ctypes.c_bool}
        for struct in _library.STRUCTURES:
            body = re.search(r"typedef struct {} \{{(.*?)\}}".format(struct.__name__), text, re.S)
            plain = dict((name.strip(), kind) for kind, names in re.findall(
                r"(?:^|;)\s*(double|size_t|bool)\s+([\w\s,]+)(?=;)", body.group(1))
                         for name in names.split(","))
            ours = {name: kind for name, kind in struct._fields_ if kind in c_types.values()}
            self.assertEqual(ours, {name: c_types[kind] for name, kind in plain.items()},
                             struct.__name__)

    def test_enumerators(self):
        theirs = {name: int(value) for name, value in lines("value")}
        self.assertEqual(theirs, _library.ENUMERATORS)
        for prefix, names in (("LIP_NORM_", _library.NORMS), ("LIP_", _library.REGION_KINDS),
                              ("LIP_OUTPUT_", _library.OUTPUT_KINDS), ("LIP_", _library.SIDES),
                              ("LIP_", _library.EVIDENCE)):
            first = 1 if prefix == "LIP_NORM_" else 0
            for index, name in enumerate(names, first):
                self.assertEqual(theirs[prefix + name.upper()], index)
        self.assertEqual([theirs["LIP_" + name.upper().replace(" ", "_")] for name in _library.STOPS],
                         [0, 1, 2])

    def test_all_enumerators_of_the_header(self):
        """Enumerators in the header that we use by number all appear above."""
        with open(HEADER, encoding="utf-8") as file:
            text = re.sub(r"/\*.*?\*/", " ", file.read(), flags=re.S)
        known = set(_library.ENUMERATORS)
        for name in ("status", "region_kind", "norm", "output_kind", "side", "evidence", "stop"):
            body = re.search(r"typedef enum lip_{} \{{(.*?)\}}".format(name), text, re.S).group(1)
            self.assertEqual(set(re.findall(r"\bLIP_\w+", body)) - known, set(), name)

    def test_settings(self):
        types = {"int": int, "double": float}
        theirs = [(name, types[kind]) + tuple(float.fromhex(v) for v in values) + (option, text)
                  for kind, name, option, *rest in lines("setting", "\t")
                  for values, text in [(rest[:3], rest[3])]]
        self.assertEqual(theirs, [tuple(setting) for setting in _settings.read().values()])
        self.assertGreater(len(theirs), 5)

    def test_prototypes(self):
        """As many arguments as the header has."""
        with open(HEADER, encoding="utf-8") as file:
            text = re.sub(r"/\*.*?\*/", " ", file.read(), flags=re.S)
        for name, (_, arguments) in _library.FUNCTIONS.items():
            found = re.search(r"LIP_API[^;]*?\b{}\(([^;]*)\);".format(name), text, re.S).group(1)
            count = 0 if found.strip() == "void" else found.count(",") + 1
            self.assertEqual(len(arguments), count, name)


class Parser(unittest.TestCase):
    """The table of settings in forms that it does not have today, and broken."""

    def test_forms(self):
        text = ('/* #define LIP_SETTINGS(X) */\n'
                '  #  define LIP_SETTINGS(X) X ( int,a,"a" "-b", -1 , -2,3, "x \\"y\\"" \\\n'
                ' "z") \\\n X(double, b,"c", 1e-3, -.5, 1e+9, "")\nint other;')
        self.assertEqual([tuple(s) for s in _settings.parse(text)],
                         [("a", int, -1, -2, 3, "a-b", 'x "y"z'),
                          ("b", float, 1e-3, -0.5, 1e9, "c", "")])

    def test_broken(self):
        good = '#define LIP_SETTINGS(X) X(int, a, "a", 1, 0, 2, "help")\n'
        self.assertEqual(len(_settings.parse(good)), 1)
        for old, new in (("int", "long"), ("int", "1"), (", 2", ""), ('"help"', "help"), ("X(int", "Y(int"),
                         ('help")', 'help"'), ("1, 0", "1 0"), ("LIP_SETTINGS", "LIP_OTHER"), ("a, ", "")):
            self.assertNotEqual(good, good.replace(old, new, 1))
            with self.assertRaises(_settings.LibraryError, msg=(old, new)):
                _settings.parse(good.replace(old, new, 1))


class Agreement(unittest.TestCase):
    """A library with another table of settings is found out."""

    def test_changes(self):
        settings = _settings.read()
        functions = _library.library().functions
        _library.check_settings(functions, settings, _settings.structure(settings))
        names = list(settings)
        changed = [dict(settings) for _ in range(4)]
        first = settings[names[0]]
        changed[0][names[0]] = first._replace(default=first.default + 1)
        del changed[1][names[-1]]
        changed[2]["one_more"] = settings[names[-1]]._replace(name="one_more")
        integer = next(s for s in settings.values() if s.type is int)
        changed[3][integer.name] = integer._replace(type=float)
        for table in changed:
            with self.assertRaises(_settings.LibraryError):
                _library.check_settings(functions, table, _settings.structure(table))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
