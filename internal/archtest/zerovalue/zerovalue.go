// Package zerovalue helps a package test that nothing it exports panics over what is missing:
// the house rule is an error, or a value that works.
//
//	func TestZeroValues(t *testing.T) {
//		zerovalue.Test(t, []any{&Client{}, &Record{}}, map[string]any{"Open": Open})
//	}
//
// The methods of each value are called, and the functions, with arguments that are zero and with
// some that are nearly so. What panics ends the test with its stack. It is for tests alone; interfaces
// and generic types are left out.
package zerovalue

import (
	"bytes"
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"reflect"
	"strings"
	"testing"
	"time"
)

// Test calls all methods of values, which are pointers to zero values, and all functions. It fails
// where the package in the working directory exports a type, or a function, that is neither
// among them nor in except.
func Test(t *testing.T, values []any, functions map[string]any, except ...string) {
	t.Helper()
	known := map[string]bool{}
	for _, name := range except {
		known[name] = true
	}
	for _, v := range values {
		known[reflect.TypeOf(v).Elem().Name()] = true
	}
	for name := range functions {
		known[name] = true
	}
	for _, name := range exported(t) {
		if !known[name] {
			t.Errorf("%s is exported, and nobody tries what it makes of nothing", name)
		}
	}
	t.Chdir(t.TempDir()) // what is written to a place of any name
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, v := range values {
		of := reflect.TypeOf(v)
		for i := range of.NumMethod() {
			for _, little := range []bool{false, true} {
				call(ctx, t, of.Elem().Name()+"."+of.Method(i).Name, reflect.New(of.Elem()).Method(i), little)
			}
		}
	}
	for name, f := range functions {
		call(ctx, t, name, reflect.ValueOf(f), false)
		call(ctx, t, name, reflect.ValueOf(f), true)
	}
	if ctx.Err() != nil {
		t.Error("something waits for what will not come")
	}
}

// exported lists the types with methods, and the functions, of the package in the working directory.
func exported(t *testing.T) []string {
	t.Helper()
	entries, err := fs.Glob(os.DirFS("."), "*.go")
	if err != nil {
		t.Fatal(err)
	}
	types, methods := map[string]bool{}, map[string]bool{}
	var out []string
	for _, name := range entries {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), path.Clean(name), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.GenDecl:
				for _, s := range d.Specs {
					if s, ok := s.(*ast.TypeSpec); ok && s.Name.IsExported() && s.TypeParams == nil && !s.Assign.IsValid() {
						if _, ok := s.Type.(*ast.InterfaceType); !ok {
							types[s.Name.Name] = true
						}
					}
				}
			case *ast.FuncDecl:
				switch {
				case !d.Name.IsExported():
				case d.Recv == nil && d.Type.TypeParams == nil:
					out = append(out, d.Name.Name)
				case d.Recv != nil:
					r := d.Recv.List[0].Type
					if p, ok := r.(*ast.StarExpr); ok {
						r = p.X
					}
					if id, ok := r.(*ast.Ident); ok {
						methods[id.Name] = true
					}
				}
			}
		}
	}
	for name := range types {
		if methods[name] {
			out = append(out, name)
		}
	}
	return out
}

// call calls f, and takes what an iterator yields. The name is in the stack of a panic only
// as a word of its arguments, so it is logged first.
func call(ctx context.Context, t *testing.T, name string, f reflect.Value, little bool) {
	t.Helper()
	of := f.Type()
	n := of.NumIn()
	if of.IsVariadic() {
		n--
	}
	in := make([]reflect.Value, n)
	for i := range in {
		if of.In(i).String() == "*http.Request" { // a server never hands over none
			return
		}
		in[i] = argument(ctx, of.In(i), little)
	}
	t.Log(name)
	for _, out := range f.Call(in) {
		if k := out.Type(); k.Kind() == reflect.Func && k.NumIn() == 1 && k.NumOut() == 0 && k.In(0).Kind() == reflect.Func && !out.IsNil() {
			out.Call([]reflect.Value{argument(ctx, k.In(0), false)})
		}
	}
}

// argument is a zero value, but for a context, a function and what is read or written; with little,
// pointers lead to zero values, lists have one, and numbers are below zero.
func argument(ctx context.Context, of reflect.Type, little bool) reflect.Value {
	switch {
	case of == reflect.TypeFor[context.Context]():
		return reflect.ValueOf(ctx)
	case of.Kind() == reflect.Func:
		return reflect.MakeFunc(of, func([]reflect.Value) []reflect.Value {
			out := make([]reflect.Value, of.NumOut())
			for i := range out {
				out[i] = reflect.Zero(of.Out(i))
			}
			return out
		})
	case of.Kind() == reflect.Interface && of.NumMethod() > 0:
		for _, v := range []any{strings.NewReader("x"), new(bytes.Buffer)} {
			if reflect.TypeOf(v).Implements(of) {
				return reflect.ValueOf(v)
			}
		}
	case !little:
	case of.Kind() == reflect.Pointer:
		return reflect.New(of.Elem())
	case of.Kind() == reflect.Slice:
		s := reflect.MakeSlice(of, 1, 1)
		s.Index(0).Set(argument(ctx, of.Elem(), false))
		return s
	case of.Kind() == reflect.String:
		return reflect.ValueOf("x").Convert(of)
	case of.Kind() == reflect.Int:
		return reflect.ValueOf(-1).Convert(of)
	}
	return reflect.Zero(of)
}
